import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../../server/testing/database.ts';
import { privateRedis } from '../../server/testing/redis-server.ts';
import { measureResume } from './resume.ts';

const SOCKETS = 300;

test('an instance is killed under 300 sockets: all resume on the other, and every log holds every message once', {
  timeout: 200_000,
}, async () => {
  await using database = await testDatabase();
  await using redis = await privateRedis();
  const outcome = await measureResume({
    database,
    redisUrl: redis.url,
    postgresPid: undefined,
    sockets: SOCKETS,
    processes: 1,
    own: 20,
    backlog: 2,
    idleMs: 0,
    say() {},
  });
  assert.deepEqual(outcome.problems, []);
  assert.equal(outcome.sent, 2 * SOCKETS + SOCKETS / 10);
  assert.ok(outcome.entriesAgain >= 4 * SOCKETS, 'what was not acknowledged comes again');
});
