import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailable, storeErrorOf } from './errors.ts';

/** How long a PostgreSQL may take to come up, or to come back, beside a server that starts. */
const WITHIN_MS = 60_000;

/** Does `work` again as long as PostgreSQL is away, for a bounded time: at start nobody else would. */
export async function onceReachable<T>(work: () => Promise<T>, away: (error: unknown) => void): Promise<T> {
  for (const end = Date.now() + WITHIN_MS; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!(storeErrorOf(error) instanceof StoreUnavailable) || Date.now() > end) throw error;
      away(error);
      await delay(1_000);
    }
  }
}
