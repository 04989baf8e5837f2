import type { Bus, BusMessage } from './bus.ts';
import type { RedisAddress } from './connection.ts';
import { type BusObserver, createRedisBus } from './redis.ts';

export interface WatchedBus extends AsyncDisposable {
  readonly bus: Bus;
  /** Everything heard so far, in order: `user` and what came, and `doubt`. */
  readonly heard: readonly ({ readonly user: string; readonly message: BusMessage } | 'doubt')[];
  readonly counts: Record<
    'invalid' | 'unpublished' | 'healthy' | 'unhealthy' | 'lag' | 'published' | 'received',
    number
  >;
  readonly faults: readonly Error[];
  readonly lags: readonly number[];
  /** Settles once `holds` does; looked at after every event, and fails after `withinMs`. */
  until(holds: () => boolean, what: string, withinMs?: number): Promise<void>;
}

/** A bus that remembers what it heard. */
export function watchedBus(address: RedisAddress, prefix: string, heartbeatMs = 250): WatchedBus {
  const heard: ({ user: string; message: BusMessage } | 'doubt')[] = [];
  const counts = { invalid: 0, unpublished: 0, healthy: 0, unhealthy: 0, lag: 0, published: 0, received: 0 };
  const lags: number[] = [];
  const faults: Error[] = [];
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of waiting) check();
  };
  const count = (name: keyof typeof counts, by = 1): void => {
    counts[name] += by;
    look();
  };
  const observer: Partial<BusObserver> = {
    invalid: () => count('invalid'),
    unpublished: () => count('unpublished'),
    healthy: () => count('healthy'),
    unhealthy: () => count('unhealthy'),
    published: (messages) => count('published', messages),
    received: (messages) => count('received', messages),
    lag(milliseconds) {
      lags.push(milliseconds);
      count('lag');
    },
    fault(error) {
      faults.push(error);
    },
  };
  const bus = createRedisBus({ address, prefix, heartbeatMs, observer });
  bus.listen({
    message(user, message) {
      heard.push({ user, message });
      look();
    },
    doubt() {
      heard.push('doubt');
      look();
    },
  });
  return {
    bus,
    heard,
    counts,
    lags,
    faults,
    until(holds, what, withinMs = 15_000) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`did not happen within ${withinMs} ms: ${what}`));
        }, withinMs);
        const check = (): void => {
          if (!holds()) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
    [Symbol.asyncDispose]: () => bus.close(),
  };
}

export function entry(conversationId: string, seq: number, frame: string | undefined = `{"seq":${seq}}`): BusMessage {
  return { class: 'durable', conversationId, seq, frame };
}
