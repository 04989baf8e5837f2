import { type Clock, repeat } from '../clock.ts';
import type { Gate } from './gate.ts';

const EVERY_MS = 1_000;

/** Asks PostgreSQL for a sign of life every second. */
export function watchDatabase(
  gate: Gate,
  clock: Clock,
): { /** How long it has not answered; undefined while it does. */ awayMs(): number | undefined; stop(): void } {
  let awaySince: number | undefined;

  async function look(): Promise<void> {
    await gate.run('background', (sql) => sql`select 1`);
    awaySince = undefined;
  }

  // Whatever fails it: PostgreSQL did not answer.
  function failed(): void {
    awaySince ??= clock.now();
  }

  const stop = repeat(clock, EVERY_MS, look, failed, 'at once');
  return { awayMs: () => (awaySince === undefined ? undefined : clock.now() - awaySince), stop };
}
