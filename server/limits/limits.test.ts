import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openRedis } from '../bus/connection.ts';
import { RequestError } from '../errors.ts';
import { testAccounts } from '../testing/accounts.ts';
import { testDatabase } from '../testing/database.ts';
import { type Refused, startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';
import { privateRedis } from '../testing/redis-server.ts';
import { Bucket, Budget, createAccountBudget } from './bucket.ts';
import { createLimits, type Limits } from './limits.ts';
import { type LimitName, limitTable } from './table.ts';

async function refusedAt(limits: Limits, bucket: LimitName, key: string): Promise<number> {
  for (let count = 1; ; count += 1) {
    try {
      await limits.take(bucket, key);
    } catch (error) {
      assert.ok(error instanceof RequestError && error.code === 'rate_limited');
      assert.deepEqual(error.details, { bucket });
      assert.ok((error.retryAfterMs ?? 0) > 0);
      return count;
    }
  }
}

test('every limit of the table refuses the one beyond its points, by its name and with a time', async () => {
  const limits = createLimits();
  for (const [name, row] of Object.entries(limitTable)) {
    assert.equal(await refusedAt(limits, name as LimitName, 'a'), row.points + 1, name);
  }
});

test('instances with one Redis count together, and each alone while it is away', async () => {
  await using server = await privateRedis();
  const clients = [1, 2].map(() => openRedis({ kind: 'server', url: server.url }, () => {}));
  try {
    await Promise.all(clients.map((client) => new Promise((resolve) => client.once('ready', resolve))));
    const [one, two] = clients.map((redis) => createLimits({ redis }));
    if (one === undefined || two === undefined) throw new Error('two are made above');
    const { points } = limitTable.mail_address;
    for (let n = 0; n < points; n += 1) await (n % 2 === 0 ? one : two).take('mail_address', 'ada@example.org');
    for (const limits of [one, two]) assert.equal(await refusedAt(limits, 'mail_address', 'ada@example.org'), 1);
    await server.kill();
    assert.equal(await refusedAt(one, 'mail_address', 'bob@example.org'), points + 1);
    assert.equal(await refusedAt(two, 'mail_address', 'bob@example.org'), points + 1);
  } finally {
    for (const client of clients) client.disconnect();
  }
});

test('wrong passwords for one name are refused after a few, before any hash is computed', async () => {
  await using accounts = await testAccounts({ limits: { factor: 1 } });
  await accounts.account('ada');
  const attempt = (password: string) =>
    accounts.post('/v1/auth/login', { login: 'ada', password, device: { name: 'x' } });
  const statuses: number[] = [];
  for (let n = 0; n < limitTable.login_failures.points + 1; n += 1)
    statuses.push((await attempt('wrong password')).status);
  assert.deepEqual(statuses, [...Array(limitTable.login_failures.points).fill(401), 429]);
  const right = await attempt('correct ada staple');
  const { code, retryAfterMs, details } = (
    right.body as { error: { code: string; retryAfterMs: number; details: object } }
  ).error;
  assert.deepEqual([code, details], ['rate_limited', { bucket: 'login_failures' }]);
  assert.ok(retryAfterMs > 0);
  assert.ok(Number(right.headers.get('retry-after')) > 0);
});

test('one address gets a few mails an hour, whoever asks', async () => {
  await using accounts = await testAccounts({ limits: { factor: 1 } });
  for (let n = 0; n < limitTable.mail_address.points; n += 1) {
    assert.equal((await accounts.post('/v1/auth/forgot-password', { email: 'ada@example.org' })).status, 202);
  }
  // Who only asks for a mail is always answered alike; who would change something is told.
  const asked = await accounts.post('/v1/auth/resend-verification', { email: 'ada@example.org' });
  assert.equal(asked.status, 202);
  const answer = await accounts.post('/v1/auth/register', {
    username: 'ada',
    email: 'ada@example.org',
    password: 'correct horse battery',
  });
  assert.deepEqual((answer.body as { error: { details: object } }).error.details, { bucket: 'mail_address' });
});

test('a bucket gives no more than its size and its rate, and says when there is enough', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ wait: fc.nat(3_000), amount: fc.integer({ min: 1, max: 50 }) })), (steps) => {
      let time = 0;
      const bucket = new Bucket({ size: 100, perSecond: 10 }, time);
      let given = 0;
      for (const { wait, amount } of steps) {
        time += wait;
        const retryAfterMs = bucket.take(amount, time);
        if (retryAfterMs === 0) given += amount;
        else {
          assert.ok(retryAfterMs > 0);
          time += retryAfterMs;
          assert.equal(bucket.take(amount, time), 0, 'after that time it is there');
          given += amount;
        }
        assert.ok(given <= 100 + (time / 1_000) * 10 + 1e-6);
      }
    }),
  );
});

test('a connection that asks for more than its budget is refused by name, and is heard again later', () => {
  let time = 0;
  const budget = new Budget(time);
  let passed = 0;
  while (budget.spend(100, time) === undefined) passed += 1;
  assert.equal(passed, 200_000);
  const refused = budget.spend(100, time);
  assert.deepEqual([refused?.code, refused?.details], ['rate_limited', { bucket: 'requests' }]);
  time += refused?.retryAfterMs ?? 0;
  assert.equal(budget.spend(100, time), undefined);
  assert.equal(budget.isWhole(time + 19_999), false);
  assert.equal(budget.isWhole(time + 20_000), true, 'all of it is back, so it can be forgotten');
});

test('an account that reads without end is refused, by name, and others are not held up', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url });
  const [ada, bob] = [await addPerson(db.sql), await addPerson(db.sql)];
  const [a, b] = [await server.connect(ada), await server.connect(bob)];
  let refused: Refused | undefined;
  for (let n = 0; n < 100 && refused === undefined; n += 1) {
    const asked = Array.from({ length: 60 }, () => a.post('conversation.list', {}));
    for (const each of await Promise.allSettled(asked)) if (each.status === 'rejected') refused ??= each.reason;
  }
  assert.deepEqual([refused?.code, refused?.details], ['rate_limited', { bucket: 'reads' }]);
  assert.deepEqual((await b.request('conversation.list', {})).conversations, []);
});

test('an account sends no more over all its connections than its rate, others are not held up, and idle ones are forgotten', () => {
  let time = 0;
  const budget = createAccountBudget('sends', () => time, { size: 100, perSecond: 10 });
  const spend = (userId: string): number => {
    let passed = 0;
    while (budget(userId) === undefined) passed += 1;
    return passed;
  };
  assert.equal(spend('ada'), 100);
  const refused = budget('ada');
  assert.deepEqual(
    [refused?.code, refused?.details, refused?.retryAfterMs],
    ['rate_limited', { bucket: 'sends' }, 100],
  );
  assert.equal(spend('bob'), 100);
  for (let second = 1; second <= 60; second += 1) {
    time += 1_000;
    assert.equal(spend('ada'), 10, 'remembered for as long as it is not full');
  }
  time += 20_001;
  assert.equal(spend('bob'), 100);
});
