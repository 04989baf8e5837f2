import { type Clock, delay } from './clock.ts';
import { SottoError } from './errors.ts';
import { backoffMs } from './reconnect.ts';
import type { Change, ClientStore } from './store.ts';

/** Thrown inside the SDK's own work when the client is closed under it. Nothing is reported then. */
export class Stopped extends SottoError {
  constructor() {
    super('closed', 'the client is closed');
  }
}

/** Writes that must not be given up (a full disk empties again): repeated until they succeed or the client is closed. */
export type SteadyWrite = (changes: readonly Change[]) => Promise<void>;

export function steadyWrite(
  store: ClientStore,
  clock: Clock,
  signal: AbortSignal,
  onProblem: (problem: unknown) => void,
): SteadyWrite {
  return async (changes) => {
    for (let tries = 0; ; tries += 1) {
      if (signal.aborted) throw new Stopped();
      try {
        await store.write(changes);
        return;
      } catch (error) {
        onProblem(error);
        await delay(clock, backoffMs(tries, 1), signal);
      }
    }
  };
}
