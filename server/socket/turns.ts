import type { Clock } from '../delivery/clock.ts';

interface Waiter {
  readonly since: number;
  begin(granted: boolean): void;
}

/**
 * So many may be at something at once; the others wait in the order in which they came. In a storm this is what lets the
 * first be finished while the last still wait, instead of all of them together at the end.
 */
export class Turns<Holder> {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #waiting = new Map<Holder, Waiter>();
  #taken = 0;

  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
  }

  /** True when the turn has come; give it back with `end`. False: the holder gave up before that. */
  take(holder: Holder): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#taken < this.#most) {
        this.#taken++;
        resolve(true);
      } else this.#waiting.set(holder, { since: this.#clock.now(), begin: resolve });
    });
  }

  end(): void {
    // A Map keeps the order of insertion.
    for (const [holder, waiter] of this.#waiting) {
      this.#waiting.delete(holder);
      return waiter.begin(true);
    }
    this.#taken--;
  }

  /** Whoever waits no longer makes room at once: what is gone must not be remembered for the length of a queue. */
  giveUp(holder: Holder): void {
    const waiter = this.#waiting.get(holder);
    if (waiter === undefined) return;
    this.#waiting.delete(holder);
    waiter.begin(false);
  }

  /** How long the first in the queue has waited, in milliseconds; 0 if nobody waits. */
  get delayMs(): number {
    for (const { since } of this.#waiting.values()) return this.#clock.now() - since;
    return 0;
  }

  get waiting(): number {
    return this.#waiting.size;
  }
}
