import * as queries from '../../sql/queries/accounts.queries.ts';
import { raiseKeysVersion } from '../../sql/queries/keys.queries.ts';
import { findContacts } from '../../sql/queries/people.queries.ts';
import { deleteRecovery, exportRecovery } from '../../sql/queries/recovery.queries.ts';
import * as sessions from '../../sql/queries/sessions.queries.ts';
import { RequestError } from '../errors.ts';
import { endLinks } from './accounts.ts';
import { StoreRefused } from './errors.ts';
import type { Gate } from './gate.ts';
import { addMail } from './mail.ts';
import { MAX_CONTACTS, MAX_SHOWN, touchConversations } from './people.ts';
import type { TransactionSql } from './pool.ts';

export async function findPasswordHash(gate: Gate, userId: string): Promise<string | undefined> {
  const [row] = await gate.run('read', (sql) => queries.findPasswordHash.run({ id: userId }, sql));
  return row?.passwordHash ?? undefined;
}

/** Mails a link by which the account of this address gets a new password; nothing if there is none, which takes as long. */
export function addResetMail(gate: Gate, email: string): Promise<string[]> {
  return gate.transaction('read', async (tx) => {
    const [owner] = await queries.findUserIdByEmail.run({ email }, tx);
    if (owner !== undefined) return [await addMail(tx, { kind: 'reset_password', address: email, userId: owner.id })];
    await queries.waitForDisk.run(undefined, tx);
    return [];
  });
}

/** Mails the new address a link that makes it the account's. The owner of a known one gets a word about it instead. */
export function addEmailChangeMail(gate: Gate, userId: string, email: string): Promise<string> {
  return gate.transaction('read', async (tx) => {
    const [owner] = await queries.findUserIdByEmail.run({ email }, tx);
    if (owner !== undefined) return addMail(tx, { kind: 'address_known', address: email, userId: owner.id });
    return addMail(tx, { kind: 'change_email', address: email, userId });
  });
}

export interface PasswordChange {
  readonly userId: string;
  readonly endedSessions: readonly string[];
  readonly mailIds: readonly string[];
}

/** Uses the link; every session ends. Nothing: the link isn't valid (any more). */
export function resetPassword(gate: Gate, linkHash: Buffer, passwordHash: string): Promise<PasswordChange | undefined> {
  return gate.transaction('read', async (tx) => {
    const [token] = await queries.takeLinkToken.run({ hash: linkHash }, tx);
    if (token === undefined) return undefined;
    // Thrown, so that the link of another purpose isn't used up.
    if (token.purpose !== 'reset_password' || token.userId === null) throw new RequestError('token_invalid');
    return setPassword(tx, { userId: token.userId, passwordHash, before: null, except: null });
  });
}

/** Every session but the one that asks ends. Nothing: the password was changed by someone else meanwhile. */
export function changePassword(
  gate: Gate,
  change: { userId: string; passwordHash: string; before: string; except: string },
): Promise<PasswordChange | undefined> {
  return gate.transaction('read', (tx) => setPassword(tx, change));
}

async function setPassword(
  tx: TransactionSql,
  change: { userId: string; passwordHash: string; before: string | null; except: string | null },
): Promise<PasswordChange | undefined> {
  const { userId, passwordHash, before, except } = change;
  const [user] = await queries.replacePassword.run({ id: userId, passwordHash, before }, tx);
  if (user === undefined) return undefined;
  await endLinks(tx, userId);
  const ended = await sessions.endSessionsOfUser.run({ userId, reason: 'password_changed', except }, tx);
  const mailIds =
    user.email === null ? [] : [await addMail(tx, { kind: 'password_changed', address: user.email, userId })];
  return { userId, endedSessions: ended.map((row) => row.id), mailIds };
}

/** Answers the conversations to be shown again to their members. Nothing: the name is taken. */
export async function changeUsername(gate: Gate, userId: string, username: string): Promise<string[] | undefined> {
  try {
    return await gate.transaction('read', async (tx) => {
      const rows = await queries.replaceUsername.run({ id: userId, username }, tx);
      return rows.length === 1 ? touchConversations(tx, userId) : undefined;
    });
  } catch (error) {
    if (error instanceof StoreRefused && error.sqlState === '23505') return undefined;
    throw error;
  }
}

export interface Deletion {
  readonly endedSessions: readonly string[];
  /** Of the account's devices and keys. */
  readonly version: number;
  /** Who is to know that the devices are gone. */
  readonly contacts: readonly string[];
  /** The conversations to be shown again to their members. */
  readonly shown: readonly string[];
}

/**
 * Takes away everything personal. The row stays as an anonymous placeholder, since conversations of others refer to it,
 * and so do the public keys: others check with them what they have. Nothing: the password was changed meanwhile.
 */
export function deleteAccount(gate: Gate, userId: string, passwordHash: string): Promise<Deletion | undefined> {
  return gate.transaction('read', async (tx) => {
    const [user] = await queries.anonymiseUser.run({ id: userId, passwordHash }, tx);
    if (user === undefined) return undefined;
    const ended = await sessions.endSessionsOfUser.run({ userId, reason: 'deleted', except: null }, tx);
    await queries.lockDeviceKeysOf.run({ userId }, tx);
    await queries.lockConversationsOf.run({ userId, max: MAX_SHOWN }, tx);
    const shown = await touchConversations(tx, userId);
    await queries.anonymiseDevices.run({ userId }, tx);
    const [raised] = await raiseKeysVersion.run({ userId }, tx);
    const contacts = await findContacts.run({ userId, max: MAX_CONTACTS }, tx);
    await queries.deleteBlocksOf.run({ userId }, tx);
    await queries.deleteMailsOf.run({ userId }, tx);
    await queries.deleteLinkTokensOf.run({ userId }, tx);
    await deleteRecovery.run({ userId }, tx);
    return {
      endedSessions: ended.map((row) => row.id),
      version: raised?.keysVersion ?? 1,
      contacts: contacts.flatMap((contact) => contact.userId ?? []),
      shown,
    };
  });
}

/** All that is stored about a person, but what they wrote, which nobody here can read. */
export function exportAccount(gate: Gate, userId: string) {
  return gate.transaction('background', async (tx) => {
    const [account] = await queries.exportAccount.run({ id: userId }, tx);
    if (account === undefined) throw new RequestError('not_found');
    const { avatar, ...rest } = account;
    return {
      account: { ...rest, avatar: avatar?.toString('base64url') ?? null },
      sessions: await queries.exportSessions.run({ userId }, tx),
      blocked: await queries.exportBlocks.run({ userId }, tx),
      conversations: await queries.exportConversations.run({ userId }, tx),
      // Only that it is there: nobody here can read it, and its owner's devices have it.
      recovery: (await exportRecovery.run({ userId }, tx))[0] ?? null,
    };
  });
}
