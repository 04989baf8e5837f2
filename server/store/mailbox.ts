import { deleteExpiredClaims } from '../../sql/queries/keys.queries.ts';
import {
  acceptLink,
  acknowledgeWelcome,
  deleteOldMail,
  deleteOldOffers,
  deleteOldWelcomes,
  devicesWithMail,
  type IWaitingResult,
  type IWelcomesOfResult,
  offerLink,
  openOffers,
  sealedLinks,
  waiting,
  welcomesOf,
} from '../../sql/queries/mailbox.queries.ts';
import { listOf } from './arrays.ts';
import type { Gate } from './gate.ts';
import { byQuestion, joined } from './joined.ts';
import type { Identity } from './store.ts';

/** With fewer one-time packages than these a device is told to publish more. */
export const FEW_PACKAGES = 20;

export type WaitingMail = Omit<IWaitingResult, 'n'>;
export type WaitingWelcome = IWelcomesOfResult;

export type MailboxStore = ReturnType<typeof createMailboxStore>;

/** What waits for single devices: welcomes, and answers to an offer to be linked. */
export function createMailboxStore(gate: Gate) {
  return {
    /** What one device should look at. Package counts stop at `FEW_PACKAGES`. */
    waiting: joined(async (asks: readonly string[]): Promise<readonly WaitingMail[]> => {
      const rows = await gate.run('read', (sql) => waiting.run({ deviceIds: listOf(asks), enough: FEW_PACKAGES }, sql));
      return byQuestion(rows, asks.length).flat();
    }),

    welcomes: (deviceId: string, except: Iterable<string>, limit: number): Promise<WaitingWelcome[]> =>
      gate.run('read', (sql) => welcomesOf.run({ deviceId, except: listOf([...except]), limit }, sql)),

    async acknowledge(deviceId: string, id: string): Promise<void> {
      await gate.run('read', (sql) => acknowledgeWelcome.run({ deviceId, id }, sql));
    },

    async devicesWithMail(deviceIds: readonly string[]): Promise<string[]> {
      const rows = await gate.run('background', (sql) => devicesWithMail.run({ deviceIds: listOf(deviceIds) }, sql));
      return rows.map((row) => row.deviceId);
    },

    /** `until`: too many are open, and the first of them ends then. */
    async offer(
      { userId, sessionId }: Identity,
      publicKey: Uint8Array,
      most: number,
    ): Promise<{ linkId: string; expiresAt: Date } | { until: Date } | undefined> {
      const [open] = await gate.run('read', (sql) => openOffers.run({ userId }, sql));
      if (open !== undefined && open.open >= most && open.until !== null) return { until: open.until };
      const [offer] = await gate.run('read', (sql) => offerLink.run({ sessionId, publicKey }, sql));
      return offer && { linkId: offer.id, expiresAt: offer.expiresAt };
    },

    /** The device that made the offer; undefined if there is none that this session may answer. */
    async accept({ sessionId }: Identity, linkId: string, sealed: Uint8Array): Promise<string | undefined> {
      const [row] = await gate.run('read', (sql) => acceptLink.run({ sessionId, linkId, sealed }, sql));
      return row?.deviceId;
    },

    sealedLinks: (deviceId: string): Promise<{ id: string; sealed: Buffer }[]> =>
      gate.run('read', (sql) => sealedLinks.run({ deviceId }, sql)),

    /** Forgets what nobody needs any more. */
    async clean(): Promise<void> {
      for (const query of [deleteOldMail, deleteOldWelcomes, deleteOldOffers, deleteExpiredClaims]) {
        await gate.run('background', (sql) => query.run(undefined, sql));
      }
    },
  };
}
