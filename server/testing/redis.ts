import { randomBytes } from 'node:crypto';

/** A Redis that other tests use too: every key and channel must begin with `prefix`. */
export interface TestRedis {
  readonly url: string;
  readonly prefix: string;
}

/** The Redis of this test run, with a prefix that no one else uses. */
export function testRedis(): TestRedis {
  const url = process.env.TEST_REDIS_URL;
  if (url === undefined) throw new Error('TEST_REDIS_URL is not set: run tests with `npm test -- <part of a path>`');
  return { url, prefix: `test-${randomBytes(6).toString('hex')}:` };
}
