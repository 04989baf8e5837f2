import { openRedis, type RedisAddress } from './connection.ts';
import { LEASE_MS, type Leases } from './leases.ts';

// One sorted set: user by the time at which the lease runs out. Redis's clock is everyone's clock.
const NOW = "local t = redis.call('time') local now = t[1] * 1000 + math.floor(t[2] / 1000) ";

/** ARGV: how long a lease lasts, then the users. Answers those who had none. */
const RENEW = `${NOW} local came = {}
for i = 2, #ARGV do
  if redis.call('zadd', KEYS[1], now + ARGV[1], ARGV[i]) == 1 then came[#came + 1] = ARGV[i] end
end
return came`;

/** ARGV: the most to take away. Answers users and when their leases ran out, in turn. */
const SWEEP = `${NOW} local gone = redis.call('zrangebyscore', KEYS[1], '-inf', now, 'withscores', 'limit', 0, ARGV[1])
for i = 1, #gone, 2 do redis.call('zrem', KEYS[1], gone[i]) end
return gone`;

const MOST_PER_CALL = 1000;

/** Leases that all instances share. Every call fails within a second while Redis is away. */
export function createRedisLeases(address: RedisAddress, prefix = 'sotto:'): Leases {
  // Whether Redis is away is the bus's to say; a call that fails tells its caller.
  const redis = openRedis(address, () => {});
  const key = `${prefix}presence`;
  const strings = (reply: unknown): string[] => (Array.isArray(reply) ? reply.map(String) : []);
  return {
    async renew(userIds) {
      const came: string[] = [];
      for (let i = 0; i < userIds.length; i += MOST_PER_CALL) {
        const some = userIds.slice(i, i + MOST_PER_CALL);
        came.push(...strings(await redis.eval(RENEW, 1, key, LEASE_MS, ...some)));
      }
      return came;
    },
    async end(userId) {
      await redis.zrem(key, userId);
    },
    async online(userIds) {
      const found: string[] = [];
      for (let i = 0; i < userIds.length; i += MOST_PER_CALL) {
        const some = userIds.slice(i, i + MOST_PER_CALL);
        const scores = await redis.zmscore(key, ...some);
        found.push(...some.filter((_, n) => scores[n] !== null && scores[n] !== undefined));
      }
      return found;
    },
    async sweep() {
      const gone = strings(await redis.eval(SWEEP, 1, key, MOST_PER_CALL));
      return gone.flatMap((userId, i) => (i % 2 === 0 ? [{ userId, seenAt: Number(gone[i + 1]) - LEASE_MS }] : []));
    },
    close: () => redis.disconnect(),
  };
}
