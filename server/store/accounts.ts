import * as queries from '../../sql/queries/accounts.queries.ts';
import { RequestError } from '../errors.ts';
import { StoreRefused } from './errors.ts';
import type { Gate } from './gate.ts';
import { addMail } from './mail.ts';
import type { TransactionSql } from './pool.ts';

/** Registrations of one address that may wait for their mail at once. */
const MAX_PENDING = 3;

export interface NewAccount {
  readonly username: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly displayName: string;
}

/** Who a login name belongs to. `pending`: the address isn't confirmed yet. */
export interface Candidate {
  readonly id: string;
  readonly pending: boolean;
  readonly passwordHash: string | undefined;
  readonly suspended: boolean;
}

export type LinkPurpose = 'verify_registration' | 'change_email' | 'reset_password';

/**
 * Reserves the username and writes the mail: a link, or for an address that has an account a word about it. The same
 * rows in both cases, so that nothing tells them apart. Nothing: the username is taken.
 */
export function addRegistration(gate: Gate, account: NewAccount): Promise<string | undefined> {
  const { username, email } = account;
  return gate.transaction('read', async (tx) => {
    await queries.lockAddress.run({ email }, tx);
    await queries.deleteExpiredPending.run({ username, email }, tx);
    const [pending] = await queries.insertPending.run(account, tx);
    if (pending === undefined) return undefined;
    await queries.deleteSurplusPending.run({ email, keep: MAX_PENDING }, tx);
    const [owner] = await queries.findUserIdByEmail.run({ email }, tx);
    if (owner !== undefined) return addMail(tx, { kind: 'address_known', address: email, userId: owner.id });
    return addMail(tx, { kind: 'verify_email', address: email, pendingId: pending.id });
  });
}

/** Mails the link again, once for each registration of that address that waits. */
export function addVerificationMails(gate: Gate, email: string): Promise<string[]> {
  return gate.transaction('read', async (tx) => {
    const waiting = await queries.findPendingByEmail.run({ email }, tx);
    const [owner] = await queries.findUserIdByEmail.run({ email }, tx);
    if (owner !== undefined || waiting.length === 0) {
      // Nor does the time it takes tell anything.
      await queries.waitForDisk.run(undefined, tx);
      return [];
    }
    const ids: string[] = [];
    for (const { id } of waiting) ids.push(await addMail(tx, { kind: 'verify_email', address: email, pendingId: id }));
    return ids;
  });
}

export async function findCandidate(gate: Gate, login: string): Promise<Candidate | undefined> {
  const [row] = await gate.run('read', (sql) => queries.findLogin.run({ login }, sql));
  if (row?.id == null) return undefined;
  return {
    id: row.id,
    pending: row.pending,
    passwordHash: row.passwordHash ?? undefined,
    suspended: row.suspendedAt !== null,
  };
}

export interface NewLinkToken {
  /** That will carry it. */
  readonly mailId: string;
  readonly hash: Buffer;
  readonly purpose: LinkPurpose;
  readonly pendingId?: string | undefined;
  readonly userId?: string | undefined;
  readonly email?: string | undefined;
  readonly expiresAt: Date;
}

/** False: what the link is about is gone. */
export async function addLinkToken(gate: Gate, token: NewLinkToken): Promise<boolean> {
  const { pendingId = null, userId = null, email = null, ...rest } = token;
  try {
    const rows = await gate.run('background', (sql) =>
      queries.insertLinkToken.run({ ...rest, pendingId, userId, email }, sql),
    );
    return rows.length === 1;
  } catch (error) {
    if (error instanceof StoreRefused && error.sqlState === '23503') return false;
    throw error;
  }
}

export interface Link {
  readonly purpose: LinkPurpose;
  readonly username: string;
  readonly newEmail: string | undefined;
}

/** Looks at a link without using it. */
export async function findLink(gate: Gate, hash: Buffer): Promise<Link | undefined> {
  const [row] = await gate.run('read', (sql) => queries.findLinkToken.run({ hash }, sql));
  const username = row?.pendingUsername ?? row?.username;
  if (row === undefined || username == null || !isPurpose(row.purpose)) return undefined;
  return { purpose: row.purpose, username, newEmail: row.newEmail ?? undefined };
}

/**
 * Uses a link that confirms an address: makes the account, or changes the address of one. Answers the ids of mails to
 * send, or nothing if the link isn't valid (any more).
 */
export function confirmEmail(gate: Gate, hash: Buffer): Promise<string[] | undefined> {
  return gate.transaction('read', async (tx) => {
    const [token] = await queries.takeLinkToken.run({ hash }, tx);
    if (token?.purpose === 'verify_registration' && token.pendingId !== null) return makeAccount(tx, token.pendingId);
    if (token?.purpose === 'change_email' && token.userId !== null && token.newEmail !== null) {
      return changeEmail(tx, token.userId, token.newEmail);
    }
    if (token !== undefined) throw new RequestError('token_invalid');
    return undefined;
  });
}

async function makeAccount(tx: TransactionSql, pendingId: string): Promise<string[] | undefined> {
  const [pending] = await queries.findPending.run({ id: pendingId }, tx);
  if (pending === undefined) return undefined;
  const { email } = pending;
  await queries.lockAddress.run({ email }, tx);
  const [user] = await queries.insertUserFromPending.run({ id: pendingId }, tx);
  if (user === undefined)
    throw new RequestError('conflict', { message: 'That username or address has an account by now.' });
  await queries.deletePendingOfEmail.run({ email }, tx);
  return [];
}

/**
 * Ends the links that were mailed to an account, and those that are still to be mailed. Whoever asked for one before the
 * password or the address changed may be who the owner meant to shut out.
 */
export async function endLinks(tx: TransactionSql, userId: string): Promise<void> {
  // The mails first: a link that is being written out holds its mail, and is seen afterwards.
  await queries.deleteWaitingLinks.run({ userId }, tx);
  await queries.deleteLinkTokensOf.run({ userId }, tx);
}

async function changeEmail(tx: TransactionSql, userId: string, email: string): Promise<string[]> {
  await queries.lockAddress.run({ email }, tx);
  const [taken] = await queries.findUserIdByEmail.run({ email }, tx);
  if (taken !== undefined) throw new RequestError('conflict', { message: 'That address has an account by now.' });
  const [before] = await queries.replaceEmail.run({ userId, email }, tx);
  if (before === undefined) throw new RequestError('token_invalid');
  await queries.deletePendingOfEmail.run({ email }, tx);
  await endLinks(tx, userId);
  if (before.email === null) return [];
  return [await addMail(tx, { kind: 'email_changed', address: before.email, userId, parameters: { email } })];
}

function isPurpose(text: string): text is LinkPurpose {
  return text === 'verify_registration' || text === 'change_email' || text === 'reset_password';
}
