import {
  deleteExpiredLinks,
  deleteExpiredRegistrations,
  deleteFinishedMails,
  lockUserOfDevice,
  revokeUnusedDevice,
  unusedDevices,
} from '../../sql/queries/cleaning.queries.ts';
import { findContacts } from '../../sql/queries/people.queries.ts';
import { type Clock, repeat } from '../clock.ts';
import type { Gate } from './gate.ts';
import { MAX_CONTACTS } from './people.ts';

const EVERY_MS = 3_600_000;
/** Rows per statement: many small ones never hold a lock for long. */
const BATCH = 500;
/** A device that nobody used for so long is revoked, as the contract says. */
const UNUSED_DAYS = 45;

/** A device was revoked: who is to know it, and the version of its user's devices and keys. */
export interface UnusedDevice {
  readonly userId: string;
  readonly version: number;
  readonly contacts: readonly string[];
}

/** Removes what has expired, a batch of each kind at a time. */
export async function clean(gate: Gate, told: (device: UnusedDevice) => void): Promise<void> {
  await gate.run('background', (sql) => deleteExpiredLinks.run({ limit: BATCH }, sql));
  await gate.run('background', (sql) => deleteExpiredRegistrations.run({ limit: BATCH }, sql));
  await gate.run('background', (sql) => deleteFinishedMails.run({ limit: BATCH }, sql));
  await revokeUnused(gate, told);
}

/**
 * One device a transaction: revoking takes the keys of the device and then its conversations, so two in one transaction
 * could wait for a commit that waits for them.
 */
async function revokeUnused(gate: Gate, told: (device: UnusedDevice) => void): Promise<void> {
  const unused = await gate.run('background', (sql) =>
    unusedDevices.run({ limit: BATCH, unusedDays: UNUSED_DAYS }, sql),
  );
  for (const { id, userId } of unused) {
    const revoked = await gate.transaction('background', async (tx) => {
      await lockUserOfDevice.run({ userId }, tx);
      const [raised] = await revokeUnusedDevice.run({ id, unusedDays: UNUSED_DAYS }, tx);
      if (raised === undefined) return undefined;
      const contacts = await findContacts.run({ userId, max: MAX_CONTACTS }, tx);
      return { ...raised, userId, contacts: contacts.flatMap((contact) => contact.userId ?? []) };
    });
    if (revoked !== undefined) told(revoked);
  }
}

/** Cleans every hour; several servers doing so at once take different rows. */
export function startCleaning(options: {
  gate: Gate;
  clock: Clock;
  revoked: (device: UnusedDevice) => void;
  failed: (error: unknown) => void;
}): () => void {
  const { gate, clock, revoked, failed } = options;
  return repeat(clock, EVERY_MS, () => clean(gate, revoked), failed);
}
