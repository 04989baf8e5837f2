import {
  deleteExpiredLinks,
  deleteExpiredRegistrations,
  deleteFinishedMails,
  lockUserOfDevice,
  revokeUnusedDevice,
  unusedDevices,
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
  return revokeUnused(gate);
}

/**
 * One device a transaction: revoking takes the keys of the device and then its conversations, so two in one transaction
 * could wait for a commit that waits for them.
 */
async function revokeUnused(gate: Gate): Promise<number> {
  const unused = await gate.run('background', (sql) =>
    unusedDevices.run({ limit: BATCH, unusedDays: UNUSED_DAYS }, sql),
  );
  let count = 0;
  for (const { id, userId } of unused) {
    const revoked = await gate.transaction('background', async (tx) => {
      await lockUserOfDevice.run({ userId }, tx);
      return revokeUnusedDevice.run({ id, unusedDays: UNUSED_DAYS }, tx);
    });
    count += revoked.length;
  }
  return count;
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
