import {
  deleteExpiredLinks,
  deleteExpiredRegistrations,
  deleteFinishedMails,
  revokeUnusedDevices,
} from '../../sql/queries/cleaning.queries.ts';
import type { Clock } from '../delivery/clock.ts';
import type { Gate } from './gate.ts';

const EVERY_MS = 3_600_000;
/** Rows per statement: many small ones never hold a lock for long. */
const BATCH = 500;
/** A device that nobody used for so long is revoked, as the contract says. */
const UNUSED_DAYS = 45;

/** Removes what has expired, a batch of each kind at a time; answers how many devices were revoked. */
export async function clean(gate: Gate): Promise<number> {
  await gate.run('background', (sql) => deleteExpiredLinks.run({ limit: BATCH }, sql));
  await gate.run('background', (sql) => deleteExpiredRegistrations.run({ limit: BATCH }, sql));
  await gate.run('background', (sql) => deleteFinishedMails.run({ limit: BATCH }, sql));
  const revoked = await gate.run('background', (sql) =>
    revokeUnusedDevices.run({ limit: BATCH, unusedDays: UNUSED_DAYS }, sql),
  );
  return revoked.length;
}

/** Cleans every hour; several servers doing so at once take different rows. */
export function startCleaning(options: { gate: Gate; clock: Clock; failed: (error: unknown) => void }): () => void {
  const { gate, clock, failed } = options;
  let stopped = false;
  let cancel = (): void => {};
  const next = (): void => {
    if (stopped) return;
    cancel = clock.after(EVERY_MS, () => void clean(gate).catch(failed).finally(next));
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}
