import type { RevocationReason } from '../../protocol/codes.ts';
import * as queries from '../../sql/queries/sessions.queries.ts';
import type { Gate } from './gate.ts';
import { addMail } from './mail.ts';

export type EndReason = RevocationReason | 'deleted';

export interface NewSession {
  readonly id: string;
  readonly userId: string;
  /** What the password was compared with. */
  readonly passwordHash: string;
  readonly deviceName: string;
  /** A device that was proved to be this one; otherwise a new one is made. */
  readonly deviceId: string | undefined;
  readonly refreshHash: Buffer;
  readonly reuseKey: Buffer;
}

export interface OpenedSession {
  readonly deviceId: string;
  /** Earlier sessions of the same device, which end. */
  readonly ended: readonly string[];
  readonly mailId: string | undefined;
}

/** Nothing: the password changed meanwhile, or the account may not log in any more. */
export function openSession(gate: Gate, session: NewSession): Promise<OpenedSession | undefined> {
  const { id, userId, deviceName: name, refreshHash, reuseKey } = session;
  return gate.transaction('read', async (tx) => {
    // Also a change of the password waits for this lock, so that it ends the session that is being made.
    const [user] = await queries.lockCredentials.run({ id: userId, passwordHash: session.passwordHash }, tx);
    if (user === undefined) return undefined;
    const [known] =
      session.deviceId === undefined ? [] : await queries.findDevice.run({ id: session.deviceId, userId }, tx);
    if (known !== undefined) {
      await queries.renameDevice.run({ id: known.id, name }, tx);
      const ended = await queries.endSessionsOfDevice.run({ deviceId: known.id, reason: 'logged_out' }, tx);
      await queries.insertSession.run({ id, userId, deviceId: known.id, refreshHash, reuseKey }, tx);
      return { deviceId: known.id, ended: ended.map((row) => row.id), mailId: undefined };
    }
    const [device] = await queries.insertDevice.run({ userId, name }, tx);
    if (device === undefined) throw new Error('the device was not stored');
    await queries.insertCursors.run({ userId, deviceId: device.id }, tx);
    await queries.insertSession.run({ id, userId, deviceId: device.id, refreshHash, reuseKey }, tx);
    const mailId =
      user.email === null
        ? undefined
        : await addMail(tx, { kind: 'new_device', address: user.email, userId, parameters: { device: name } });
    return { deviceId: device.id, ended: [], mailId };
  });
}

export interface StoredSession {
  readonly id: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly deviceName: string;
  readonly email: string | null;
  readonly refreshHash: Buffer;
  readonly previousHash: Buffer | null;
  readonly nextHash: Buffer | null;
  readonly nextSealed: Buffer | null;
  readonly reuseKey: Buffer;
  readonly refreshedAt: Date;
  readonly endedReason: string | null;
  readonly deviceRevoked: boolean;
  readonly suspended: boolean;
  readonly deleted: boolean;
}

export async function findSession(gate: Gate, id: string): Promise<StoredSession | undefined> {
  const [row] = await gate.run('read', (sql) => queries.findSession.run({ id }, sql));
  if (row === undefined || row.refreshHash === null || row.reuseKey === null) return undefined;
  const { refreshHash, reuseKey, revokedAt, suspendedAt, deletedAt, ...rest } = row;
  return {
    ...rest,
    refreshHash,
    reuseKey,
    deviceRevoked: revokedAt !== null,
    suspended: suspendedAt !== null,
    deleted: deletedAt !== null,
  };
}

export interface Successor {
  readonly id: string;
  /** The hash of the token that was presented. */
  readonly presented: Buffer;
  readonly nextHash: Buffer;
  readonly nextSealed: Buffer;
}

/** Gives the current token its successor. False: it is not the current one any more, or has one. */
export async function setSuccessor(gate: Gate, successor: Successor): Promise<boolean> {
  const rows = await gate.run('read', (sql) => queries.setSuccessor.run(successor, sql));
  return rows.length === 1;
}

/** Makes the presented successor the current token, and gives it a successor. False: it isn't the successor any more. */
export async function promoteSuccessor(gate: Gate, successor: Successor): Promise<boolean> {
  const rows = await gate.run('read', (sql) => queries.promoteSuccessor.run(successor, sql));
  return rows.length === 1;
}

/** False: it had ended before. */
export async function endSession(gate: Gate, id: string, reason: EndReason): Promise<boolean> {
  const rows = await gate.run('read', (sql) => queries.endSession.run({ id, reason }, sql));
  return rows.length === 1;
}

/** Ends a family whose old token came back, and tells its owner. Nothing: it had ended before. */
export function endReusedSession(
  gate: Gate,
  session: StoredSession,
): Promise<{ mailId: string | undefined } | undefined> {
  return gate.transaction('read', async (tx) => {
    const [ended] = await queries.endSession.run({ id: session.id, reason: 'token_reuse' }, tx);
    if (ended === undefined) return undefined;
    if (session.email === null) return { mailId: undefined };
    const parameters = { device: session.deviceName };
    return {
      mailId: await addMail(tx, { kind: 'token_reuse', address: session.email, userId: session.userId, parameters }),
    };
  });
}

export interface LiveSession {
  readonly username: string;
  readonly email: string | null;
  readonly role: string;
  readonly suspended: boolean;
}

/** The account behind a session; nothing once the session, its device or the account has ended. */
export async function findLiveSession(gate: Gate, id: string): Promise<LiveSession | undefined> {
  const [row] = await gate.run('read', (sql) => queries.findLiveSession.run({ id }, sql));
  return row && { username: row.username, email: row.email, role: row.role, suspended: row.suspendedAt !== null };
}
