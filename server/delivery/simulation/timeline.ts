import type { Clock } from '../../clock.ts';

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly call: () => void;
  cancelled: boolean;
}

/** Simulated time. One thing happens at a time, and everything it sets off in promises ends before the next. */
export class Timeline {
  #now = Date.UTC(2030, 0, 1);
  #order = 0;
  /** A binary heap, the next one first. */
  readonly #heap: Happening[] = [];
  happenings = 0;

  get now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    const happening = { at: this.#now + Math.max(0, ms), order: this.#order++, call, cancelled: false };
    this.#push(happening);
    return () => {
      happening.cancelled = true;
    };
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** A clock whose timers die with their instance. */
  clock(alive: () => boolean): Clock {
    const guarded = (call: () => void) => () => {
      if (alive()) call();
    };
    return {
      now: () => this.#now,
      after: (ms, call) => this.after(ms, guarded(call)),
      soon: (call) => void this.after(0, guarded(call)),
    };
  }

  /** Lets `ms` pass, or less if `until` holds before. */
  async run(ms: number, until?: () => boolean): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > end || until?.() === true) break;
      this.#pop();
      if (next.cancelled) continue;
      this.#now = next.at;
      this.happenings++;
      next.call();
      // Its callback runs when every promise that could settle has. An immediate would do the same with a system call.
      await new Promise((resolve) => process.nextTick(resolve));
    }
    if (until === undefined) this.#now = end;
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let i = heap.push(happening) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(happening, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const right = heap[child + 1];
      const left = heap[child];
      if (left === undefined) break;
      if (right !== undefined && before(right, left)) child++;
      const lower = heap[child];
      if (lower === undefined || !before(lower, last)) break;
      heap[i] = lower;
      i = child;
    }
    heap[i] = last;
  }
}

const before = (a: Happening, b: Happening): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
