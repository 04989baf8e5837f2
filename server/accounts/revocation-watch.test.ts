import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { testAccounts } from '../testing/accounts.ts';
import { watchRevocations } from './revocation-watch.ts';

test('sessions that end by any hand, also one that tells nobody, lose their connections within about a second', async (t) => {
  await using accounts = await testAccounts();
  const live = new Map<string, { sessionId: string; close(code: number, reason: string): void }>();
  const closed = new Map<string, { end: [number, string]; at: number }>();
  for (const name of ['ada', 'bob', 'eve', 'kim']) {
    await accounts.account(name);
    const session = await accounts.deps.tokens.verify((await accounts.login(name)).accessToken);
    live.set(name, {
      sessionId: session?.sessionId ?? '',
      close(code, reason) {
        live.delete(name);
        closed.set(name, { end: [code, reason], at: performance.now() });
      },
    });
  }
  const failures: unknown[] = [];
  const watch = watchRevocations({
    gate: accounts.gate,
    clock: systemClock,
    connections: () => live.values(),
    failed: (error) => failures.push(error),
  });
  t.after(() => watch.stop());
  const began = performance.now();
  const of = (name: string) => live.get(name)?.sessionId ?? '';
  await accounts.db
    .sql`update sessions set ended_at = now(), ended_reason = 'password_changed' where id = ${of('ada')}`;
  await accounts.db.sql`update sessions set ended_at = now(), ended_reason = 'deleted' where id = ${of('bob')}`;
  await accounts.db.sql`update users set suspended_at = now() where username = 'eve'`;
  while (closed.size < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(closed.get('ada')?.end, [4502, 'password_changed']);
  assert.deepEqual(closed.get('bob')?.end, [4502, 'revoked']);
  assert.deepEqual(closed.get('eve')?.end, [4503, 'account_suspended']);
  assert.deepEqual([...live.keys()], ['kim'], 'others live on');
  assert.deepEqual(failures, []);
  t.diagnostic(`the last after ${Math.round(Math.max(...[...closed.values()].map((one) => one.at)) - began)} ms`);
});
