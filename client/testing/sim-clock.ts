import { setImmediate } from 'node:timers/promises';
import type { Cancel, Clock } from '../clock.ts';

/** Time that stands still until it is moved. */
export class SimClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00.000Z');
  #timers: { at: number; run: () => void }[] = [];

  /** Timers that are still set: after everything was closed there should be none. */
  get pending(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Cancel {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves time on, running what is due in order, and lets everything that follows from it happen. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await quiet();
      const due = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = until;
    await quiet();
  }
}

/** Resolves when no promise is left to go on by itself. */
export const quiet = async (): Promise<void> => {
  await setImmediate();
};

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
