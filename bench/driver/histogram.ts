/**
 * A log-linear histogram of microseconds, within 0.1 % up to 64 s. Counts are plain numbers, so that the histograms of
 * several processes can be sent and added, which those of `perf_hooks` can't.
 */
const LINEAR_BITS = 11;
const LINEAR = 1 << LINEAR_BITS;
const HALF = LINEAR >> 1;
const SIZE = LINEAR + HALF * 16;

export interface Summary {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Histogram {
  readonly counts = new Uint32Array(SIZE);

  record(micros: number): void {
    const value = micros < 0 ? 0 : Math.floor(micros);
    const shift = value < LINEAR ? 0 : 32 - LINEAR_BITS - Math.clz32(value);
    const index = Math.min(SIZE - 1, shift * HALF + (value >>> shift));
    this.counts[index] = (this.counts[index] ?? 0) + 1;
  }

  add(counts: ArrayLike<number>): void {
    for (let i = 0; i < SIZE; i++) this.counts[i] = (this.counts[i] ?? 0) + (counts[i] ?? 0);
  }

  reset(): void {
    this.counts.fill(0);
  }

  /** Percentiles in milliseconds. */
  summary(): Summary {
    const count = this.counts.reduce((sum, n) => sum + n, 0);
    const at = (share: number) => round(this.#valueAt(Math.max(1, Math.ceil(count * share))) / 1000);
    return { count, p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max: at(1) };
  }

  #valueAt(rank: number): number {
    let seen = 0;
    for (let index = 0; index < SIZE; index++) {
      seen += this.counts[index] ?? 0;
      if (seen >= rank) {
        const shift = index < LINEAR ? 0 : Math.floor((index - HALF) / HALF);
        return (index - shift * HALF) * 2 ** shift;
      }
    }
    return 0;
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
