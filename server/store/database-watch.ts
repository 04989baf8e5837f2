import type { Clock } from '../clock.ts';
import type { Gate } from './gate.ts';

const EVERY_MS = 1_000;

/** Asks PostgreSQL for a sign of life every second. */
export function watchDatabase(
  gate: Gate,
  clock: Clock,
): { /** How long it has not answered; undefined while it does. */ awayMs(): number | undefined; stop(): void } {
  let awaySince: number | undefined;
  let stopped = false;
  let cancel = (): void => {};

  async function look(): Promise<void> {
    try {
      await gate.run('background', (sql) => sql`select 1`);
      awaySince = undefined;
    } catch {
      // Whatever it was: it did not answer.
      awaySince ??= clock.now();
    }
    if (!stopped) cancel = clock.after(EVERY_MS, () => void look());
  }

  void look();
  return {
    awayMs: () => (awaySince === undefined ? undefined : clock.now() - awaySince),
    stop() {
      stopped = true;
      cancel();
    },
  };
}
