import * as v from 'valibot';
import type { Agreements } from './agreements.ts';
import type { Cancel, Clock } from './clock.ts';
import { isChange } from './life.ts';
import { type Entry, entry as entrySchema, keys, passed, readAll, readOne, seen } from './records.ts';
import { type SteadyWrite, Stopped } from './steady.ts';
import type { Change, ClientStore } from './store.ts';
import { takeAway } from './taking-in.ts';
import type { Turns } from './turns.ts';

export interface ExpiryOptions {
  readonly store: ClientStore;
  readonly write: SteadyWrite;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly agreements: Agreements;
  conversations(): readonly { readonly id: string }[];
  onChanged(entry: Entry): void;
  onProblem(problem: unknown): void;
}

const BATCH = 200;
/** Often enough that a message stays little longer than was agreed. */
const PARTS = 8;
const MAX_PAUSE_MS = 60_000;

/**
 * Takes away what is older than the members of its conversation agreed on: by this device's own clock, whatever the
 * server says or does, in small batches, at the start and from time to time.
 */
export class Expiry {
  readonly #options: ExpiryOptions;
  readonly #terms = new Map<string, number>();
  #cancel: Cancel | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ExpiryOptions) {
    this.#options = options;
    // A timer left behind would keep a closed program alive.
    options.signal.addEventListener('abort', () => this.#cancel?.());
  }

  /** What was sent before this moment is gone, as far as is known yet: what comes too early is taken away a little later. */
  cutoff(conversationId: string): number {
    const ms = this.#terms.get(conversationId);
    return ms === undefined ? Number.NEGATIVE_INFINITY : this.#options.clock.now() - ms;
  }

  /** Looks through everything; called at the start, and when something was agreed on. */
  run(): void {
    this.#start(() => this.#options.conversations().map(({ id }) => id));
  }

  #start(which: () => readonly string[]): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#running = (this.#running ?? Promise.resolve())
      .then(() => this.#all(which()))
      .catch((error: unknown) => {
        if (!(error instanceof Stopped)) this.#options.onProblem(error);
      })
      .then(() => this.#plan());
  }

  #plan(): void {
    const { clock, signal } = this.#options;
    this.#cancel?.();
    if (signal.aborted || this.#terms.size === 0) return;
    this.#cancel = clock.after(Math.min(MAX_PAUSE_MS, ...[...this.#terms.values()].map((ms) => ms / PARTS)), () =>
      this.#start(() => [...this.#terms.keys()]),
    );
  }

  async #all(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      if (this.#options.signal.aborted) return;
      const ms = (await this.#options.agreements.of(id))?.expireAfterMs ?? undefined;
      if (ms === undefined) this.#terms.delete(id);
      else this.#terms.set(id, ms);
      const cutoff = this.cutoff(id);
      if (cutoff === Number.NEGATIVE_INFINITY) continue;
      while (await this.#options.turns.run(id, () => this.#batch(id, cutoff)));
    }
  }

  /** In the conversation's turn; true if there may be more. */
  async #batch(conversationId: string, cutoff: number): Promise<boolean> {
    const { store, write, onChanged, signal } = this.#options;
    if (signal.aborted) throw new Stopped();
    const key = keys.expired(conversationId);
    const from = (await readOne(store, passed, key))?.seq ?? 0;
    const range = { prefix: keys.entries(conversationId), above: keys.entry(conversationId, from), limit: BATCH };
    const found = await readAll(store, entrySchema, range);
    const due = found.filter(({ sentAt }) => Date.parse(sentAt) < cutoff);
    const last = due.at(-1);
    const changes: Change[] = from === 0 ? await this.#waiting(conversationId, cutoff) : [];
    const gone: Entry[] = [];
    for (const entry of due.filter((each) => each.content !== undefined && !each.hidden)) {
      const taken = await takeAway(store, entry, 'expired');
      changes.push(...taken.changes);
      if (!isChange(entry.content)) gone.push(taken.entry);
    }
    if (last !== undefined) changes.push({ key, value: { seq: last.seq } });
    if (changes.length > 0) await write(changes);
    for (const entry of gone) onChanged(entry);
    return due.length === BATCH;
  }

  /** What an earlier log had, and may or may not come again. */
  async #waiting(conversationId: string, cutoff: number): Promise<Change[]> {
    return (await this.#options.store.list({ prefix: keys.allSeen(conversationId) })).flatMap(({ key, value }) => {
      const kept = v.safeParse(seen, value);
      if (!kept.success || Date.parse(kept.output.entry.sentAt) >= cutoff) return [];
      const { content: _, ...entry } = kept.output.entry;
      return [{ key, value: { ...kept.output, entry: { ...entry, deleted: true } } }];
    });
  }
}
