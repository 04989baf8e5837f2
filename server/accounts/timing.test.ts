import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addResetMail } from '../store/account-changes.ts';
import { addVerificationMails } from '../store/accounts.ts';
import type { Gate } from '../store/gate.ts';
import { passwordOf, type TestAccounts, testAccounts } from '../testing/accounts.ts';

const PAIRS = 200;

/**
 * The time of known and unknown, interleaved so that whatever else this machine does meets both alike. A lower cost of
 * bcrypt keeps the test short and makes it stricter: the same difference is a larger part of one comparison.
 */
async function medians(known: () => Promise<unknown>, unknown: () => Promise<unknown>): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let pair = 0; pair < PAIRS; pair += 1) {
    for (const which of pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const began = performance.now();
      await (which === 0 ? known() : unknown());
      times[which].push(performance.now() - began);
    }
  }
  return [middle(times[0]), middle(times[1])];
}

const middle = (values: number[]): number => values.sort((left, right) => left - right)[values.length >> 1] ?? 0;

/** How long one comparison takes here and now. */
async function oneComparison(accounts: TestAccounts): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 15; n += 1) {
    const began = performance.now();
    await accounts.deps.passwords.matches('not the password', undefined);
    times.push(performance.now() - began);
  }
  return middle(times);
}

test('the time of login, resend and forgot-password does not tell who has an account', async (t) => {
  await using accounts = await testAccounts({ passwords: { cost: 6, concurrency: 1 }, limits: { factor: 100_000 } });
  await accounts.account('ada');
  const comparison = await oneComparison(accounts);
  const login = (name: string) => () =>
    accounts.post('/v1/auth/login', { login: name, password: 'not the password', device: { name: 'x' } });
  const mail = (path: string, email: string) => () => accounts.post(`/v1/auth/${path}`, { email });
  const pairs: Record<string, [() => Promise<unknown>, () => Promise<unknown>]> = {
    login: [login('ada'), login('nobody')],
    'resend-verification': [
      mail('resend-verification', 'ada@example.org'),
      mail('resend-verification', 'no@example.org'),
    ],
    'forgot-password': [mail('forgot-password', 'ada@example.org'), mail('forgot-password', 'no@example.org')],
  };
  // Of a comparison at the real cost, which is 64 of these.
  const allowed = (comparison * 64) / 10;
  for (const [name, [known, unknown]] of Object.entries(pairs)) {
    const [knownMs, unknownMs] = await medians(known, unknown);
    const difference = Math.abs(knownMs - unknownMs);
    t.diagnostic(
      `${name}: known ${knownMs.toFixed(2)} ms, unknown ${unknownMs.toFixed(2)} ms, allowed ${allowed.toFixed(2)} ms`,
    );
    assert.ok(
      difference < allowed,
      `${name}: known ${knownMs} ms, unknown ${unknownMs} ms, allowed ${allowed} ms apart`,
    );
  }
});

test('what is mailed and what is not waits for the disk alike, which a test without fsync could not time', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const written: boolean[] = [];
  const gate: Gate = {
    ...accounts.gate,
    transaction: (kind, work) =>
      accounts.gate.transaction(kind, async (tx) => {
        const result = await work(tx);
        // A transaction that wrote nothing has no id, and its commit does not wait.
        const [row] = await tx<{ writes: boolean }[]>`select pg_current_xact_id_if_assigned() is not null as writes`;
        written.push(row?.writes === true);
        return result;
      }),
  };
  for (const email of ['ada@example.org', 'nobody@example.org']) {
    await addResetMail(gate, email);
    await addVerificationMails(gate, email);
  }
  assert.deepEqual(written, [true, true, true, true]);
});

test('the time of register does not tell who has an account', async (t) => {
  await using accounts = await testAccounts({ passwords: { cost: 6, concurrency: 1 }, limits: { factor: 100_000 } });
  await accounts.account('ada');
  const comparison = await oneComparison(accounts);
  let number = 0;
  const register = (email: () => string) => () => {
    number += 1;
    return accounts.post('/v1/auth/register', { username: `user${number}`, email: email(), password: passwordOf('x') });
  };
  const [knownMs, unknownMs] = await medians(
    register(() => 'ada@example.org'),
    register(() => `new${number}@example.org`),
  );
  t.diagnostic(`known ${knownMs.toFixed(2)} ms, unknown ${unknownMs.toFixed(2)} ms`);
  assert.ok(Math.abs(knownMs - unknownMs) < (comparison * 64) / 10, `known ${knownMs} ms, unknown ${unknownMs} ms`);
});
