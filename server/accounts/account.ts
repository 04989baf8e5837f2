import { closeCodes } from '../../protocol/codes.ts';
import { RequestError } from '../errors.ts';
import * as store from '../store/account-changes.ts';
import { findLink } from '../store/accounts.ts';
import type { AccountDeps } from './deps.ts';
import { hashLinkToken } from './link-token.ts';
import { mayMail, refuseCommon } from './registration.ts';

/** Who asks: a live session. */
interface Caller {
  readonly userId: string;
  readonly sessionId: string;
}

/** The answer is alike for known and unknown addresses: a mail says more. */
export async function forgotPassword(deps: AccountDeps, email: string, address: string): Promise<void> {
  await deps.limits.take('mail_requests', address);
  if (await mayMail(deps, email)) deps.wakeMail(await store.addResetMail(deps.gate, email));
}

export async function resetPassword(
  deps: AccountDeps,
  token: string,
  password: string,
  address: string,
): Promise<void> {
  refuseCommon(password);
  await deps.limits.take('link_attempts', address);
  const hash = hashLinkToken(token);
  // Looked at first: only someone with a link gets a hash computed.
  const link = await findLink(deps.gate, hash);
  if (link?.purpose !== 'reset_password') throw usedUp();
  const change = await store.resetPassword(deps.gate, hash, await deps.passwords.hash(password));
  if (change === undefined) throw usedUp();
  announce(deps, change);
}

export async function changePassword(
  deps: AccountDeps,
  caller: Caller,
  password: string,
  wanted: string,
): Promise<void> {
  refuseCommon(wanted, 'newPassword');
  const before = await checkPassword(deps, caller, password);
  const passwordHash = await deps.passwords.hash(wanted);
  const change = await store.changePassword(deps.gate, {
    userId: caller.userId,
    passwordHash,
    before,
    except: caller.sessionId,
  });
  if (change === undefined) throw new RequestError('invalid_credentials');
  announce(deps, change);
}

/** The new address has to be confirmed; until then nothing changes. */
export async function changeEmail(deps: AccountDeps, caller: Caller, password: string, email: string): Promise<void> {
  await checkPassword(deps, caller, password);
  await deps.limits.take('mail_address', email);
  deps.wakeMail([await store.addEmailChangeMail(deps.gate, caller.userId, email)]);
}

export async function changeUsername(
  deps: AccountDeps,
  caller: Caller,
  password: string,
  username: string,
): Promise<void> {
  await deps.limits.take('account_change', caller.userId);
  await checkPassword(deps, caller, password);
  const shown = await store.changeUsername(deps.gate, caller.userId, username);
  if (shown === undefined) throw new RequestError('username_taken');
  deps.show(shown);
}

export async function deleteAccount(deps: AccountDeps, caller: Caller, password: string): Promise<void> {
  const hash = await checkPassword(deps, caller, password);
  const deletion = await store.deleteAccount(deps.gate, caller.userId, hash);
  if (deletion === undefined) throw new RequestError('invalid_credentials');
  deps.log.info({ userId: caller.userId }, 'an account was deleted by its owner');
  deps.endSessions(caller.userId, deletion.endedSessions, closeCodes.device_revoked, 'revoked');
  deps.devicesChanged(caller.userId, deletion.version, deletion.contacts);
  deps.show(deletion.shown);
}

export async function exportAccount(deps: AccountDeps, caller: Caller): Promise<object> {
  await deps.limits.take('account_export', caller.userId);
  return store.exportAccount(deps.gate, caller.userId);
}

/** Answers the hash the password was compared with, so that what follows can insist that it is still that one. */
async function checkPassword(deps: AccountDeps, caller: Caller, password: string): Promise<string> {
  await deps.limits.take('password_check', caller.userId);
  const hash = await store.findPasswordHash(deps.gate, caller.userId);
  const right = await deps.passwords.matches(password, hash);
  if (hash === undefined || !right) throw new RequestError('invalid_credentials');
  await deps.limits.forget('password_check', caller.userId);
  return hash;
}

function announce(deps: AccountDeps, change: store.PasswordChange): void {
  deps.endSessions(change.userId, change.endedSessions, closeCodes.device_revoked, 'password_changed');
  deps.wakeMail(change.mailIds);
}

function usedUp(): RequestError {
  return new RequestError('token_invalid', { message: 'The link was used before, or has expired.' });
}
