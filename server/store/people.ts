import { lockAccount, raiseKeysVersion } from '../../sql/queries/keys.queries.ts';
import * as queries from '../../sql/queries/people.queries.ts';
import { endSessionsOfDevice } from '../../sql/queries/sessions.queries.ts';
import type { Gate } from './gate.ts';
import type { TransactionSql } from './pool.ts';
import type { Identity } from './store.ts';

/** How many people are told at once that someone's devices or keys changed; others see it when they next look. */
export const MAX_CONTACTS = 2_000;
/** How many conversations are shown again when a member is called otherwise; others when they are next listed. */
export const MAX_SHOWN = 200;

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date | null;
}

export function listDevices(gate: Gate, userId: string): Promise<Device[]> {
  return gate.run('read', (sql) => queries.listDevices.run({ userId }, sql));
}

export interface RevokedDevice {
  readonly sessionIds: readonly string[];
  /** Of the user's devices and keys. */
  readonly version: number;
  /** Who is to know. */
  readonly contacts: readonly string[];
}

/** Ends a device of the one who asks for good, and its sessions with it. */
export function revokeDevice(
  gate: Gate,
  { sessionId }: Identity,
  deviceId: string,
): Promise<RevokedDevice | 'unauthenticated' | 'not_found'> {
  return gate.transaction('read', async (tx) => {
    // The account first, as a login and `keys.register` take it.
    const [account] = await lockAccount.run({ sessionId }, tx);
    if (account === undefined) return 'unauthenticated';
    const { userId } = account;
    const [device] = await queries.revokeDevice.run({ userId, deviceId }, tx);
    if (device === undefined) return 'not_found';
    const sessions = await endSessionsOfDevice.run({ deviceId, reason: 'revoked' }, tx);
    const [version] = await raiseKeysVersion.run({ userId }, tx);
    const contacts = await queries.findContacts.run({ userId, max: MAX_CONTACTS }, tx);
    return {
      sessionIds: sessions.map((session) => session.id),
      version: version?.keysVersion ?? 1,
      contacts: contacts.flatMap((contact) => contact.userId ?? []),
    };
  });
}

/** What everybody may see of a person; never the address. */
export interface StoredProfile {
  readonly id: string;
  readonly username: string;
  readonly displayName: string;
  readonly about: string;
  readonly avatarType: string | null;
  readonly avatar: Buffer | null;
}

export async function findProfile(
  gate: Gate,
  by: { id: string } | { username: string },
): Promise<StoredProfile | undefined> {
  const [row] = await gate.run('read', (sql) => queries.findProfile.run(by, sql));
  return row;
}

export interface ProfileChange {
  readonly displayName?: string | undefined;
  readonly about?: string | undefined;
  /** `null` removes it. */
  readonly avatar?: { readonly type: string; readonly data: Buffer } | null | undefined;
}

/** The conversations to be shown again to their members, since a member's name changed. */
export async function touchConversations(tx: TransactionSql, userId: string): Promise<string[]> {
  const rows = await queries.touchConversations.run({ userId, max: MAX_SHOWN }, tx);
  return rows.map(({ id }) => id);
}

/** Nothing: the session, device or account has ended. */
export function updateProfile(
  gate: Gate,
  { sessionId }: Identity,
  change: ProfileChange,
): Promise<{ profile: StoredProfile; shown: readonly string[] } | undefined> {
  const { displayName = null, about = null, avatar } = change;
  return gate.transaction('read', async (tx) => {
    const [profile] = await queries.updateProfile.run(
      {
        sessionId,
        displayName,
        about,
        avatarGiven: avatar !== undefined,
        avatarType: avatar?.type ?? null,
        avatar: avatar?.data ?? null,
      },
      tx,
    );
    if (profile === undefined) return undefined;
    // Only the name is part of a conversation.
    return { profile, shown: displayName === null ? [] : await touchConversations(tx, profile.id) };
  });
}

export async function addBlock(
  gate: Gate,
  { sessionId }: Identity,
  blockedId: string,
): Promise<'blocked' | 'not_found' | 'unauthenticated'> {
  const [row] = await gate.run('read', (sql) => queries.insertBlock.run({ sessionId, blockedId }, sql));
  if (row === undefined) return 'unauthenticated';
  return row.found ? 'blocked' : 'not_found';
}

/** False: the session, device or account has ended. */
export async function removeBlock(gate: Gate, { sessionId }: Identity, blockedId: string): Promise<boolean> {
  const rows = await gate.run('read', (sql) => queries.deleteBlock.run({ sessionId, blockedId }, sql));
  return rows.length === 1;
}
