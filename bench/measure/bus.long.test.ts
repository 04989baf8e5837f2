import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../../server/testing/database.ts';
import { privateRedis } from '../../server/testing/redis-server.ts';
import { measureBus } from './bus.ts';

test('messages alone, within one of two instances and across both are timed, and all of them arrive in order', async () => {
  await using two = await testDatabase();
  await using alone = await testDatabase();
  await using redis = await privateRedis();
  const outcome = await measureBus({
    databases: [two, alone],
    redisUrl: redis.url,
    postgresPid: undefined,
    redisPid: redis.pid,
    users: 40,
    rounds: 2,
    roundMs: 2_000,
    warmUpMs: 1_000,
  });
  assert.deepEqual(outcome.problems, []);
  assert.equal(outcome.latency.alone.count, 160);
  assert.equal(outcome.latency.same.count + outcome.latency.across.count, 160);
  assert.ok(outcome.latency.across.count >= 40);
  assert.ok(outcome.latency.across.p95 > 0);
});
