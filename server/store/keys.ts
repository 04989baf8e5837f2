import {
  accountKeyHeads,
  accountKeys,
  claimable,
  claimPackages,
  countPackages,
  deleteExpiredPackages,
  deleteLastResort,
  deviceKey,
  deviceKeys,
  type IAccountKeysResult,
  type IClaimableResult,
  type IClaimPackagesResult,
  type IDeviceKeysResult,
  insertAccountKey,
  insertLastResort,
  insertPackages,
  keysVersion,
  lockAccount,
  lockDeviceKey,
  publisher,
  putDeviceKey,
  raiseKeysVersion,
  standing,
} from '../../sql/queries/keys.queries.ts';
import { findContacts } from '../../sql/queries/people.queries.ts';
import { byteaArray, listOf } from './arrays.ts';
import { StoreRefused } from './errors.ts';
import type { Gate } from './gate.ts';
import { joined } from './joined.ts';
import { oneOf } from './one-of.ts';
import { MAX_CONTACTS } from './people.ts';
import type { TransactionSql } from './pool.ts';
import type { Identity } from './store.ts';

export type AccountLink = IAccountKeysResult;
export type ListedDevice = IDeviceKeysResult;
export type ClaimTarget = IClaimableResult;
export type ClaimedPackage = IClaimPackagesResult;

export interface DeviceKey {
  readonly key: Uint8Array;
  readonly crossSignature: Uint8Array;
  readonly accountKeyVersion: number;
}

/** An account's keys as they are, and what is to become of them. */
export interface AccountKeys {
  readonly chain: readonly AccountLink[];
  /** The asking device's own. */
  readonly device: DeviceKey | undefined;
  /** Other devices with keys. */
  readonly others: number;
}

export interface KeyChange {
  readonly link:
    | (Pick<AccountLink, 'version' | 'key' | 'hash'> & { readonly signature: Uint8Array | null })
    | undefined;
  readonly device: DeviceKey | undefined;
}

export interface NewPackage {
  readonly ref: Uint8Array;
  readonly suite: number;
  readonly notAfter: Date;
  readonly package: Uint8Array;
}

export interface NewPackages {
  readonly packages: readonly NewPackage[];
  readonly lastResort: NewPackage | undefined;
  /** One-time packages that may be there then. */
  readonly most: number;
}

export interface PackageCounts {
  readonly oneTime: number;
  readonly lastResort: number;
}

export type Standing = 'ok' | 'unauthenticated' | 'not_found' | 'forbidden';

export type KeyStore = ReturnType<typeof createKeyStore>;

/** Thrown to undo a registration whose packages are too many. */
class TooMany extends Error {
  readonly oneTime: number;

  constructor(oneTime: number) {
    super('too many packages');
    this.oneTime = oneTime;
  }
}

/** Stores the packages unless more than `most` one-time ones would then be there. */
async function putPackages(
  tx: TransactionSql,
  deviceId: string,
  { packages, lastResort, most }: NewPackages,
): Promise<PackageCounts & { readonly full: boolean }> {
  const count = async (): Promise<PackageCounts> => {
    const [row] = await countPackages.run({ deviceId }, tx);
    return row ?? { oneTime: 0, lastResort: 0 };
  };
  await deleteExpiredPackages.run({ deviceId }, tx);
  const before = await count();
  if (before.oneTime + packages.length > most) return { ...before, full: true };
  const [first] = packages;
  if (first !== undefined) {
    const notAfters = listOf(packages.map((each) => each.notAfter.toISOString()));
    const refs = byteaArray(packages.map((each) => each.ref));
    const bodies = byteaArray(packages.map((each) => each.package));
    await insertPackages.run({ deviceId, suite: first.suite, refs, notAfters, packages: bodies }, tx);
  }
  if (lastResort !== undefined) {
    await deleteLastResort.run({ deviceId, suite: lastResort.suite }, tx);
    await insertLastResort.run({ deviceId, ...lastResort }, tx);
  }
  return { ...(await count()), full: false };
}

/** Account keys, device keys and key packages. */
export function createKeyStore(gate: Gate) {
  const head = joined(async (asks: readonly string[]) => {
    const rows = await gate.run('read', (sql) => accountKeyHeads.run({ userIds: listOf(asks) }, sql));
    const heads = new Map(
      rows.map(({ userId, version, hash }) => [userId, { version, hash: hash.toString('base64url') }]),
    );
    return asks.map((userId) => heads.get(userId));
  });
  return {
    /**
     * Changes an account's keys to what `judge` makes of them, which may throw; nobody else changes them meanwhile.
     * Answers the new version of the account's devices and keys, or why not.
     */
    async register(
      { sessionId }: Identity,
      judge: (present: AccountKeys) => KeyChange,
      published?: NewPackages,
    ): Promise<
      | { state: 'registered'; version: number }
      | { state: 'full'; oneTime: number }
      | { state: 'unchanged' | 'unauthenticated' | 'key_taken' }
    > {
      try {
        return await gate.transaction('read', async (tx) => {
          const [account] = await lockAccount.run({ sessionId }, tx);
          if (account === undefined) return { state: 'unauthenticated' };
          const { userId, deviceId } = account;
          const chain = await accountKeys.run({ userId }, tx);
          const [device] = await deviceKey.run({ deviceId }, tx);
          const others = (await deviceKeys.run({ userId }, tx)).filter(
            (each) => each.deviceId !== deviceId && each.revokedAt === null,
          ).length;
          const { link, device: changed } = judge({ chain, device, others });
          if (link !== undefined) await insertAccountKey.run({ userId, ...link }, tx);
          if (changed !== undefined) await putDeviceKey.run({ userId, deviceId, ...changed }, tx);
          if (published !== undefined) {
            const stored = await putPackages(tx, deviceId, published);
            if (stored.full) throw new TooMany(stored.oneTime);
          }
          if (link === undefined && changed === undefined) return { state: 'unchanged' };
          const [raised] = await raiseKeysVersion.run({ userId }, tx);
          if (raised === undefined) throw new Error('the account vanished under its lock');
          return { state: 'registered', version: raised.keysVersion };
        });
      } catch (error) {
        if (error instanceof StoreRefused && error.constraint === 'device_keys_key_key') return { state: 'key_taken' };
        if (error instanceof TooMany) return { state: 'full', oneTime: error.oneTime };
        throw error;
      }
    },

    /** The newest account key of a person. */
    head,

    /** Undefined for somebody who never existed. */
    async directory(
      userId: string,
    ): Promise<{ version: number; chain: AccountLink[]; devices: ListedDevice[] } | undefined> {
      // The version first: keys that change while they are read are told with a higher one.
      const [row] = await gate.run('read', (sql) => keysVersion.run({ userId }, sql));
      if (row === undefined) return undefined;
      const devices = await gate.run('read', (sql) => deviceKeys.run({ userId }, sql));
      const chain = await gate.run('read', (sql) => accountKeys.run({ userId }, sql));
      return { version: row.keysVersion, chain, devices };
    },

    /** Everybody who shares a conversation with a person, that person among them. */
    async contacts(userId: string): Promise<string[]> {
      const rows = await gate.run('background', (sql) => findContacts.run({ userId, max: MAX_CONTACTS }, sql));
      return rows.flatMap((row) => row.userId ?? []);
    },

    async keysVersion(userId: string): Promise<number | undefined> {
      const [row] = await gate.run('read', (sql) => keysVersion.run({ userId }, sql));
      return row?.keysVersion;
    },

    /** The key of the device that asks. */
    async publisher({ sessionId }: Identity): Promise<Uint8Array | 'unauthenticated' | 'unregistered'> {
      const [row] = await gate.run('read', (sql) => publisher.run({ sessionId }, sql));
      return row === undefined ? 'unauthenticated' : (row.key ?? 'unregistered');
    },

    /** Stores the packages unless more than `most` one-time ones would then be there. */
    publish(
      { deviceId, sessionId }: Identity,
      packages: readonly NewPackage[],
      lastResort: NewPackage | undefined,
      most: number,
    ): Promise<(PackageCounts & { readonly full: boolean }) | 'unauthenticated'> {
      return gate.transaction('read', async (tx) => {
        // A revocation holds the key: whoever waited for it here is judged by what it left.
        await lockDeviceKey.run({ deviceId }, tx);
        const [alive] = await publisher.run({ sessionId }, tx);
        if (alive === undefined) return 'unauthenticated';
        return putPackages(tx, deviceId, { packages, lastResort, most });
      });
    },

    async standing({ sessionId }: Identity, conversationId: string): Promise<Standing> {
      const [row] = await gate.run('read', (sql) => standing.run({ sessionId, conversationId }, sql));
      return readStanding(row?.state);
    },

    claimable: ({ deviceId }: Identity, conversationId: string): Promise<ClaimTarget[]> =>
      gate.run('read', (sql) => claimable.run({ deviceId, conversationId }, sql)),

    claim: (
      by: Identity,
      conversationId: string,
      deviceIds: readonly string[],
      suite: number,
    ): Promise<ClaimedPackage[]> =>
      gate.run('read', (sql) =>
        claimPackages.run(
          {
            sessionId: by.sessionId,
            claimerDeviceId: by.deviceId,
            conversationId,
            deviceIds: listOf(deviceIds),
            suite,
          },
          sql,
        ),
      ),
  };
}

export const readStanding = (text: string | undefined): Standing =>
  oneOf(['ok', 'unauthenticated', 'not_found', 'forbidden'], text, 'conversation_standing');
