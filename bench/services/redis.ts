import { spawnSync } from 'node:child_process';
import { privateRedis } from '../../server/testing/redis-server.ts';

export interface BenchRedis extends AsyncDisposable {
  readonly url: string;
  /** Undefined if it runs on its own. */
  readonly pid: number | undefined;
}

/** The Redis of REDIS_URL, or a throw-away one; undefined if there is neither. */
export async function benchRedis(given = process.env.REDIS_URL): Promise<BenchRedis | undefined> {
  if (given) return { url: given, pid: undefined, async [Symbol.asyncDispose]() {} };
  if (spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  return privateRedis();
}
