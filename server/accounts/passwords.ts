import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { RequestError } from '../errors.ts';
import { BcryptThreads } from './bcrypt-threads.ts';

/** bcrypt reads no further. */
const MAX_BYTES = 72;

export interface PasswordOptions {
  /** bcrypt's cost; each step doubles the work. Lowered only by tests. */
  readonly cost?: number;
  /** Comparisons at once. One core is left to the sockets. */
  readonly concurrency?: number;
  /** How many may wait; more are refused. */
  readonly queue?: number;
  /** One that hasn't begun by then is refused. */
  readonly deadlineMs?: number;
}

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Without a hash (an unknown account) it costs the same and is false. */
  matches(password: string, hash: string | undefined): Promise<boolean>;
  waiting(): number;
}

interface Waiter {
  start(): void;
  readonly timer: NodeJS.Timeout;
}

/** bcrypt behind a bounded queue, so that a storm of logins neither starves the sockets nor waits without end. */
export async function createPasswords(options: PasswordOptions = {}): Promise<Passwords> {
  const { cost = 12, concurrency = Math.max(1, availableParallelism() - 1), queue = 32, deadlineMs = 5_000 } = options;
  const threads = new BcryptThreads();
  const nobody = await threads.hash(randomUUID(), cost);
  const waiting = new Set<Waiter>();
  let running = 0;
  let lastMs = 2 ** cost / 16;

  const busy = (): RequestError => {
    const retryAfterMs = Math.max(1_000, Math.ceil((lastMs * (waiting.size + 1)) / concurrency));
    return new RequestError('unavailable', { message: 'Too many logins at once; nothing was done.', retryAfterMs });
  };

  const turn = (): Promise<void> => {
    if (waiting.size >= queue) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        start() {
          clearTimeout(waiter.timer);
          waiting.delete(waiter);
          running += 1;
          resolve();
        },
        timer: setTimeout(() => {
          waiting.delete(waiter);
          reject(busy());
        }, deadlineMs),
      };
      waiting.add(waiter);
    });
  };

  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < concurrency && waiting.size === 0) running += 1;
    else await turn();
    const began = performance.now();
    try {
      return await work();
    } finally {
      lastMs = performance.now() - began;
      running -= 1;
      // A Set keeps the order of insertion: first come, first served.
      const [next] = waiting;
      next?.start();
    }
  };

  return {
    waiting: () => waiting.size,
    hash: (password) => run(() => threads.hash(password, cost)),
    async matches(password, hash) {
      // bcrypt would cut these short, so they could match what they are not.
      const readable = Buffer.byteLength(password) <= MAX_BYTES && !password.includes('\u0000');
      const same = await run(() =>
        threads.compare(readable ? password : '', readable && hash !== undefined ? hash : nobody),
      );
      return same && readable && hash !== undefined;
    },
  };
}
