import { RequestError } from '../errors.ts';
import * as store from '../store/accounts.ts';
import { isCommon } from './common-passwords.ts';
import type { AccountDeps } from './deps.ts';
import { hashLinkToken } from './link-token.ts';

export interface Registration {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly displayName?: string | undefined;
}

/** Reserves the name and mails a link; no account exists before that is followed. */
export async function register(deps: AccountDeps, wanted: Registration, address: string): Promise<void> {
  refuseCommon(wanted.password);
  await deps.limits.take('register_address', address);
  await deps.limits.take('mail_address', wanted.email);
  // Hashed in any case: the time taken must not tell whether the address is known.
  const passwordHash = await deps.passwords.hash(wanted.password);
  const { username, email, displayName = username } = wanted;
  const mailId = await store.addRegistration(deps.gate, { username, email, passwordHash, displayName });
  if (mailId === undefined) {
    await deps.limits.giveBack('mail_address', wanted.email);
    throw new RequestError('username_taken');
  }
  deps.wakeMail([mailId]);
}

export async function resendVerification(deps: AccountDeps, email: string, address: string): Promise<void> {
  await deps.limits.take('mail_requests', address);
  if (await mayMail(deps, email)) deps.wakeMail(await store.addVerificationMails(deps.gate, email));
}

/** Counts a mail. False once the address was sent enough of them: what anybody may ask for is always answered alike. */
export async function mayMail({ limits }: AccountDeps, email: string): Promise<boolean> {
  try {
    await limits.take('mail_address', email);
    return true;
  } catch (error) {
    if (error instanceof RequestError && error.code === 'rate_limited') return false;
    throw error;
  }
}

/** What a link would do, for the page that asks before doing it. */
export async function readLink(deps: AccountDeps, token: string, address: string): Promise<store.Link | undefined> {
  await deps.limits.take('link_attempts', address);
  return store.findLink(deps.gate, hashLinkToken(token));
}

export async function verifyEmail(deps: AccountDeps, token: string, address: string): Promise<void> {
  await deps.limits.take('link_attempts', address);
  const mailIds = await store.confirmEmail(deps.gate, hashLinkToken(token));
  if (mailIds === undefined)
    throw new RequestError('token_invalid', { message: 'The link was used before, or has expired.' });
  deps.wakeMail(mailIds);
}

export function refuseCommon(password: string, field = 'password'): void {
  if (!isCommon(password)) return;
  const message = 'That password is among the most common ones; choose another.';
  throw new RequestError('bad_request', { message, details: { field } });
}
