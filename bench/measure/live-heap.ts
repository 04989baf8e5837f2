import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Line, lineThrough } from './watch.ts';

const COLLECTOR = new URL('./collect-on-signal.js', import.meta.url);
const ANSWER_MS = 10_000;
const LOOK_EVERY_MS = 20;
/** Looks in the second half of a run, its ends included: few, since each one stops the server for some 50 ms. */
const LOOKS = 7;

export interface LiveHeapGrowth extends Line {
  /** Bytes in use after a collection, in turn. */
  readonly bytes: readonly number[];
}

/**
 * What a server still holds once its garbage is collected. Resident memory alone can't tell a leak: between two full
 * collections, which a quiet server makes every few minutes, it moves by megabytes that nobody needs any more.
 */
export class LiveHeap implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sotto-live-heap-'));
  readonly #out = join(this.#folder, 'bytes');

  /** For the server that is to be looked at. */
  get nodeFlags(): string[] {
    return ['--expose-gc', '--import', `${COLLECTOR}?out=${encodeURIComponent(this.#out)}`];
  }

  /** In bytes. Rejects if the process does not answer. */
  async read(pid: number): Promise<number> {
    rmSync(this.#out, { force: true });
    process.kill(pid, 'SIGUSR2');
    const deadline = performance.now() + ANSWER_MS;
    while (!existsSync(this.#out)) {
      if (performance.now() > deadline) throw new Error('the server did not say what its heap holds');
      await pause(LOOK_EVERY_MS);
    }
    return Number(readFileSync(this.#out, 'latin1'));
  }

  /** Looks again and again through the second half of the next `ms`; slope and error in bytes an hour. */
  async growth(pid: number, ms: number): Promise<LiveHeapGrowth> {
    const began = performance.now();
    const points: [number, number][] = [];
    for (let look = 0; look < LOOKS; look++) {
      await pause(began + (ms / 2) * (1 + look / (LOOKS - 1)) - performance.now());
      points.push([(performance.now() - began) / 3_600_000, await this.read(pid)]);
    }
    const { slope, error } = lineThrough(points);
    return { slope: Math.round(slope), error: Math.round(error), bytes: points.map(([, bytes]) => bytes) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
