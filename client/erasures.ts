import type { RequestInput } from '../protocol/index.ts';
import { type Clock, delay } from './clock.ts';
import { SottoError } from './errors.ts';
import { backoffMs } from './reconnect.ts';
import { type Erasure, erasure, keys, readAll } from './records.ts';
import { type SteadyWrite, Stopped } from './steady.ts';
import type { ClientStore } from './store.ts';

export interface ErasuresOptions {
  readonly store: ClientStore;
  readonly write: SteadyWrite;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  erase(body: RequestInput<'message.delete'>): Promise<unknown>;
  /** The log that the seqs of a conversation mean now; undefined while that is not known. */
  logFor(conversationId: string): string | undefined;
  onProblem(problem: unknown): void;
}

/**
 * What this device deleted for everyone, taken off the server. Each is in the store since its deletion came in the log,
 * and stays there until the server has answered.
 */
export class Erasures {
  readonly #options: ErasuresOptions;
  #running = false;
  /** Something changed while it ran. */
  #again = false;

  constructor(options: ErasuresOptions) {
    this.#options = options;
  }

  /** Does what can be done. Called whenever something may have become possible. */
  pump(): void {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    this.#run()
      .catch((error: unknown) => {
        if (!(error instanceof Stopped)) this.#options.onProblem(error);
      })
      .finally(() => {
        this.#running = false;
        if (this.#again && !this.#options.signal.aborted) this.pump();
      });
  }

  async #run(): Promise<void> {
    const { store, signal } = this.#options;
    while (this.#again && !signal.aborted) {
      this.#again = false;
      for (const each of await readAll(store, erasure, { prefix: keys.allErasures })) {
        for (let tries = 0; this.#isDue(each); tries += 1) if (await this.#erase(each, tries)) break;
      }
    }
  }

  #isDue({ conversationId, logId }: Erasure): boolean {
    return !this.#options.signal.aborted && this.#options.logFor(conversationId) === logId;
  }

  async #erase({ conversationId, seq }: Erasure, tries: number): Promise<boolean> {
    const { clock, random, signal, write, erase, onProblem } = this.#options;
    try {
      await erase({ conversationId, seq });
    } catch (thrown) {
      const error = thrown instanceof SottoError ? thrown : new SottoError('unavailable', String(thrown));
      if (error.retry === 'same') {
        await delay(clock, error.retryAfterMs ?? backoffMs(tries, random()), signal);
        return false;
      }
      // The session is over: the next one does it.
      if (error.code === 'unauthenticated') return true;
      // There is nothing to forget; anything else the application should hear of.
      if (error.code !== 'not_found') onProblem(error);
    }
    await write([{ key: keys.erasure(conversationId, seq) }]);
    return true;
  }
}
