import * as queries from '../../sql/queries/people.queries.ts';
import { endSessionsOfDevice } from '../../sql/queries/sessions.queries.ts';
import type { Gate } from './gate.ts';

/** How many people are told at once that someone's devices changed; others see it when they next look. */
const MAX_CONTACTS = 2_000;

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

/** Ends a device for good, and its sessions with it. Nothing: there is no such device of this user. */
export function revokeDevice(gate: Gate, userId: string, deviceId: string): Promise<RevokedDevice | undefined> {
  return gate.transaction('read', async (tx) => {
    const [device] = await queries.revokeDevice.run({ userId, deviceId }, tx);
    if (device === undefined) return undefined;
    const sessions = await endSessionsOfDevice.run({ deviceId, reason: 'revoked' }, tx);
    const [version] = await queries.raiseDevicesVersion.run({ userId }, tx);
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

export async function updateProfile(gate: Gate, id: string, change: ProfileChange): Promise<StoredProfile | undefined> {
  const { displayName = null, about = null, avatar } = change;
  const [row] = await gate.run('read', (sql) =>
    queries.updateProfile.run(
      {
        id,
        displayName,
        about,
        avatarGiven: avatar !== undefined,
        avatarType: avatar?.type ?? null,
        avatar: avatar?.data ?? null,
      },
      sql,
    ),
  );
  return row;
}

/** False: there is no such person. */
export async function addBlock(gate: Gate, userId: string, blockedId: string): Promise<boolean> {
  const rows = await gate.run('read', (sql) => queries.insertBlock.run({ userId, blockedId }, sql));
  return rows.length === 1;
}

export async function removeBlock(gate: Gate, userId: string, blockedId: string): Promise<void> {
  await gate.run('read', (sql) => queries.deleteBlock.run({ userId, blockedId }, sql));
}
