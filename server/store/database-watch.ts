import { logId as askLogId } from '../../sql/queries/instance.queries.ts';
import { type Clock, repeat } from '../clock.ts';
import type { Gate } from './gate.ts';

const EVERY_MS = 1_000;

/**
 * Asks PostgreSQL for a sign of life every second, and which log it holds: behind the same address there may suddenly be
 * a standby that was promoted, or a backup that was restored.
 */
export function watchDatabase(options: {
  gate: Gate;
  clock: Clock;
  /** What it was when the server started. */
  logId: string;
  /** What clients hold may be in the log no more. */
  replaced: (logId: string) => void;
  /** It does not answer, and why; then `back` once it does again. */
  away: (error: unknown) => void;
  back: (awayMs: number) => void;
}): {
  /** How long it has not answered; undefined while it does. */ awayMs(): number | undefined;
  logId(): string;
  stop(): void;
} {
  const { gate, clock, replaced, away, back } = options;
  let { logId } = options;
  let awaySince: number | undefined;
  let stopped = false;

  async function look(): Promise<void> {
    const [row] = await gate.run('background', (sql) => askLogId.run(undefined, sql));
    if (awaySince !== undefined) back(clock.now() - awaySince);
    awaySince = undefined;
    if (stopped || row === undefined || row.logId === logId) return;
    logId = row.logId;
    replaced(logId);
  }

  // Whatever fails it: PostgreSQL did not answer.
  function failed(error: unknown): void {
    if (stopped || awaySince !== undefined) return;
    awaySince = clock.now();
    away(error);
  }

  const cancel = repeat(clock, EVERY_MS, look, failed, 'at once');
  return {
    awayMs: () => (awaySince === undefined ? undefined : clock.now() - awaySince),
    logId: () => logId,
    stop() {
      stopped = true;
      cancel();
    },
  };
}
