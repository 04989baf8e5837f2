import type { Clock } from '../clock.ts';

/** `late`: the wait was too long to be of use. `replaced`: a later one with the same key took the place. */
export type Turn = 'begun' | 'late' | 'replaced' | 'left';

interface Place<Holder> {
  readonly key: string;
  holder: Holder | undefined;
  /** When the place was taken, and when by who holds it now. */
  readonly since: number;
  askedAt: number;
  /** Absent: the place was left, and is passed by. */
  decide: ((turn: Turn) => void) | undefined;
}

/**
 * So many may be at something at once; the others wait in the order in which they came. In a storm this is what lets the
 * first be finished while the last still wait, instead of all of them together at the end.
 *
 * Of one key one is at it and one waits, however often it comes: no key fills the turns or the queue alone.
 */
export class Turns<Holder> {
  readonly #most: number;
  readonly #lateAfterMs: number;
  readonly #clock: Clock;
  readonly #busy = new Set<string>();
  /** From `#head` on. An array, since a Map that is emptied from its front is walked through from there again and again. */
  #queue: Place<Holder>[] = [];
  #head = 0;
  #waiting = new Map<string, Place<Holder>>();
  /** Those whose key is being served: they join the queue when it is done. */
  readonly #behind = new Map<string, Place<Holder>>();

  constructor(options: { most: number; lateAfterMs: number; clock: Clock }) {
    this.#most = options.most;
    this.#lateAfterMs = options.lateAfterMs;
    this.#clock = options.clock;
  }

  /** Resolves when it is decided. Who has `begun` gives the turn back with `end`. */
  take(key: string, holder: Holder): Promise<Turn> {
    const now = this.#clock.now();
    return new Promise((decide) => {
      const line = this.#busy.has(key) ? this.#behind : this.#waiting;
      const before = line.get(key);
      if (before === undefined) {
        const place = { key, holder, since: now, askedAt: now, decide };
        line.set(key, place);
        if (line === this.#waiting) this.#queue.push(place);
      } else {
        before.decide?.('replaced');
        Object.assign(before, { holder, askedAt: now, decide });
      }
      this.#next();
    });
  }

  end(key: string): void {
    this.#busy.delete(key);
    const place = this.#behind.get(key);
    if (place !== undefined) {
      this.#behind.delete(key);
      this.#waiting.set(key, place);
      this.#queue.push(place);
    }
    this.#next();
  }

  /** Whoever waits no longer makes room at once: what is gone must not be remembered for the length of a queue. */
  giveUp(key: string, holder: Holder): void {
    for (const line of [this.#waiting, this.#behind]) {
      const place = line.get(key);
      if (place?.holder !== holder) continue;
      line.delete(key);
      place.decide?.('left');
      Object.assign(place, { holder: undefined, decide: undefined });
    }
  }

  /** How long ago the first place in the queue was taken, in milliseconds; 0 if nobody waits. */
  get delayMs(): number {
    const first = this.#first();
    return first === undefined ? 0 : this.#clock.now() - first.since;
  }

  get waiting(): number {
    return this.#waiting.size + this.#behind.size;
  }

  #next(): void {
    for (let place = this.#first(); place !== undefined && this.#busy.size < this.#most; place = this.#first()) {
      this.#waiting.delete(place.key);
      const late = this.#clock.now() - place.askedAt >= this.#lateAfterMs;
      if (!late) this.#busy.add(place.key);
      place.decide?.(late ? 'late' : 'begun');
      Object.assign(place, { holder: undefined, decide: undefined });
    }
  }

  #first(): Place<Holder> | undefined {
    while (this.#head < this.#queue.length && this.#queue[this.#head]?.decide === undefined) this.#head++;
    if (this.#head > 0 && this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return this.#queue[this.#head];
  }
}
