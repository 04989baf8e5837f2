import { type Bus, createLocalBus } from './bus.ts';
import { parseRedisAddress } from './connection.ts';
import { createLocalLeases, type Leases } from './leases.ts';
import { type BusObserver, createRedisBus } from './redis.ts';
import { createRedisLeases } from './redis-leases.ts';

/** What instances tell each other, and what they hold together: through Redis, or within this one if there is none. */
export function openBus(
  redisUrl: string | undefined,
  now: () => number,
  observer: Partial<BusObserver>,
): { readonly bus: Bus; readonly leases: Leases } {
  if (redisUrl === undefined) return { bus: createLocalBus(), leases: createLocalLeases(now) };
  const address = parseRedisAddress(redisUrl);
  return { bus: createRedisBus({ address, observer }), leases: createRedisLeases(address) };
}
