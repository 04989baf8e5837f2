import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { RequestError } from '../errors.ts';
import { type LimitName, limitTable } from './table.ts';

export interface Limits {
  /** Counts `points`, one unless given; throws `rate_limited`, which names the bucket, when that is too many. */
  take(bucket: LimitName, key: string, points?: number): Promise<void>;
  /** Takes back what was counted for something that did not happen. */
  giveBack(bucket: LimitName, key: string): Promise<void>;
  /** Throws as `take` would, without counting: for what is counted only if it fails. */
  check(bucket: LimitName, key: string): Promise<void>;
  /** Forgets what was counted. */
  forget(bucket: LimitName, key: string): Promise<void>;
}

export interface LimitOptions {
  /** A client of the `ioredis` package with bounded waits; without one this instance counts alone. */
  readonly redis?: unknown | undefined;
  /** Put before every key. */
  readonly prefix?: string;
  /** Multiplies every row's points, for tests and load drivers that are many people at one address. */
  readonly factor?: number;
}

/** The limits of the table, counted in Redis; in memory without it or while it is away. */
export function createLimits(options: LimitOptions = {}): Limits {
  const { redis, prefix = 'sotto', factor = 1 } = options;
  const limiters = new Map<string, RateLimiterAbstract>(
    Object.entries(limitTable).map(([name, row]) => {
      const common = {
        keyPrefix: `${prefix}:limit:${name}`,
        points: Math.ceil(row.points * factor),
        duration: row.seconds,
      };
      const memory = new RateLimiterMemory(common);
      if (redis === undefined) return [name, memory];
      return [
        name,
        new RateLimiterRedis({ ...common, storeClient: redis, insuranceLimiter: memory, rejectIfRedisNotReady: true }),
      ];
    }),
  );
  const of = (bucket: LimitName): RateLimiterAbstract => {
    const limiter = limiters.get(bucket);
    if (limiter === undefined) throw new Error(`no limit is called ${bucket}`);
    return limiter;
  };
  return {
    async take(bucket, key, points = 1) {
      try {
        await of(bucket).consume(key, points);
      } catch (error) {
        if (error instanceof RateLimiterRes) throw refusal(bucket, error.msBeforeNext);
        throw error;
      }
    },
    async giveBack(bucket, key) {
      await of(bucket).reward(key);
    },
    async check(bucket, key) {
      const limiter = of(bucket);
      const counted = await limiter.get(key);
      if (counted !== null && counted.consumedPoints >= limiter.points) throw refusal(bucket, counted.msBeforeNext);
    },
    async forget(bucket, key) {
      await of(bucket).delete(key);
    },
  };
}

function refusal(bucket: LimitName, msBeforeNext: number): RequestError {
  return new RequestError('rate_limited', { retryAfterMs: Math.max(1, Math.ceil(msBeforeNext)), details: { bucket } });
}
