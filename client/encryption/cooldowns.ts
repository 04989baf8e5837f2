import type { Clock } from '../clock.ts';

/** What is left alone for a while after it failed: twice as long each time. */
export class Cooldowns {
  readonly #clock: Clock;
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #known = new Map<string, { until: number; ms: number }>();

  constructor(clock: Clock, firstMs: number, maxMs: number) {
    this.#clock = clock;
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  /** How many milliseconds it is still to be left alone; 0: it may be tried. */
  left(id: string): number {
    return Math.max(0, (this.#known.get(id)?.until ?? 0) - this.#clock.now());
  }

  /** It failed: gives the milliseconds that it is left alone from now on. */
  failed(id: string): number {
    const before = this.#known.get(id)?.ms;
    const ms = before === undefined ? this.#firstMs : Math.min(2 * before, this.#maxMs);
    this.#known.set(id, { until: this.#clock.now() + ms, ms });
    return ms;
  }

  succeeded(id: string): void {
    this.#known.delete(id);
  }

  /** Everything may be tried at once, and failures count from the beginning. */
  clear(): void {
    this.#known.clear();
  }
}
