import { randomUUID } from 'node:crypto';
import { expireMessages, trackConversations } from '../../sql/queries/expiry.queries.ts';
import type { Clock } from '../clock.ts';
import type { Gate } from './gate.ts';

const EVERY_MS = 10_000;
/** Entries, or conversations, per statement: many small ones never hold locks, or the log of changes, for long. */
const BATCH = 500;
/** While there is more to do it rests this many times as long as it worked, and never less than `MIN_REST_MS`. */
const REST = 4;
const MIN_REST_MS = 100;
/** Conversations that came to be since the last walk over all of them can't be due before a day has passed. */
const WALK_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;
const FIRST = '00000000-0000-0000-0000-000000000000';

/** Drops the ciphertext of messages that are too old: by the wish of their conversation, or of the operator. */
export interface Expiry {
  /** One batch. `more`: another one is to follow soon; `busy`: another server does it. */
  step(): Promise<'busy' | 'more' | 'done'>;
}

export function createExpiry(options: {
  gate: Gate;
  clock: Clock;
  retentionDays: number | undefined;
  dropped?: (messages: number) => void;
  batch?: number;
}): Expiry {
  const { gate, clock, retentionDays, dropped = () => {}, batch = BATCH } = options;
  const retentionMs = retentionDays === undefined ? null : retentionDays * DAY_MS;
  const server = randomUUID();
  /** Where the walk over all conversations has come to; undefined between two walks. */
  let place: string | undefined = FIRST;
  let walkedAt = 0;

  async function walk(retention: number): Promise<'more' | 'done'> {
    if (place === undefined && clock.now() - walkedAt < WALK_EVERY_MS) return 'done';
    const params = { after: place ?? FIRST, retentionMs: retention, most: batch };
    const [page] = await gate.run('background', (sql) => trackConversations.run(params, sql));
    place = page?.last;
    if (place !== undefined) return 'more';
    walkedAt = clock.now();
    return 'done';
  }

  return {
    async step() {
      const params = { server, retentionMs, most: batch };
      const [answer] = await gate.run('background', (sql) => expireMessages.run(params, sql));
      if (answer !== undefined && answer.dropped > 0) dropped(answer.dropped);
      if (answer?.state === 'done') return retentionMs === null ? 'done' : walk(retentionMs);
      return answer?.state === 'more' ? 'more' : 'busy';
    },
  };
}

/** Looks every ten seconds; a mountain of work is taken off in small steps, a fifth of the time at most. */
export function startExpiry(options: {
  gate: Gate;
  clock: Clock;
  retentionDays: number | undefined;
  dropped?: (messages: number) => void;
  failed: (error: unknown) => void;
}): () => void {
  const { clock, failed } = options;
  const expiry = createExpiry(options);
  let stopped = false;
  let cancel = (): void => {};

  async function run(): Promise<void> {
    const started = clock.now();
    let state: 'busy' | 'more' | 'done' = 'done';
    try {
      state = await expiry.step();
    } catch (error) {
      if (!stopped) failed(error);
    }
    const rest = Math.max((clock.now() - started) * REST, MIN_REST_MS);
    next(state === 'more' ? Math.min(rest, EVERY_MS) : EVERY_MS);
  }

  function next(afterMs: number): void {
    if (!stopped) cancel = clock.after(afterMs, () => void run());
  }

  next(EVERY_MS);
  return () => {
    stopped = true;
    cancel();
  };
}
