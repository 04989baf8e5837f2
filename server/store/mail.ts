import type { Database } from '../../sql/adapter.ts';
import * as queries from '../../sql/queries/mail.queries.ts';
import type { Gate } from './gate.ts';

export type MailKind =
  | 'verify_email'
  | 'address_known'
  | 'reset_password'
  | 'change_email'
  | 'email_changed'
  | 'new_device'
  | 'token_reuse'
  | 'password_changed';

export interface NewMail {
  readonly kind: MailKind;
  readonly address: string;
  readonly userId?: string;
  readonly pendingId?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/** A mail whose turn has come. Nobody else takes it before its lease is over. */
export interface TakenMail {
  readonly id: string;
  readonly kind: string;
  readonly address: string;
  readonly userId: string | undefined;
  readonly pendingId: string | undefined;
  readonly parameters: unknown;
  /** This one included. */
  readonly attempts: number;
  readonly createdAt: Date;
}

/** Part of the transaction that causes the mail; answers its id, by which the sender can be woken afterwards. */
export async function addMail(tx: Database, mail: NewMail): Promise<string> {
  const { kind, address, userId = null, pendingId = null, parameters = {} } = mail;
  const [row] = await queries.insertMail.run({ kind, address, userId, pendingId, parameters }, tx);
  if (row === undefined) throw new Error('the mail was not stored');
  return row.id;
}

/** Up to `max` mails that are due, or the one named if it is. */
export async function takeDueMail(gate: Gate, leaseMs: number, max: number, id?: string): Promise<TakenMail[]> {
  const rows = await gate.run('background', (sql) => queries.takeDueMail.run({ leaseMs, max, id: id ?? null }, sql));
  return rows.map((row) => ({ ...row, userId: row.userId ?? undefined, pendingId: row.pendingId ?? undefined }));
}

export async function markMailSent(gate: Gate, id: string): Promise<void> {
  await gate.run('background', (sql) => queries.markMailSent.run({ id }, sql));
}

export async function markMailFailed(gate: Gate, id: string, error: string): Promise<void> {
  await gate.run('background', (sql) => queries.markMailFailed.run({ id, error }, sql));
}

export async function delayMail(gate: Gate, id: string, delayMs: number, error: string): Promise<void> {
  await gate.run('background', (sql) => queries.delayMail.run({ id, delayMs, error }, sql));
}

/** Mails that are still to be sent. */
export async function countWaitingMail(gate: Gate): Promise<number> {
  const [row] = await gate.run('background', (sql) => queries.countWaitingMail.run(undefined, sql));
  return row?.waiting ?? 0;
}

/** The name of the account, or of the registration, that a mail is about. */
export async function findMailSubject(gate: Gate, id: string): Promise<string | undefined> {
  const [row] = await gate.run('background', (sql) => queries.findMailSubject.run({ id }, sql));
  return row?.username ?? undefined;
}
