import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { closeCodes } from '../../protocol/codes.ts';
import type { Tokens } from '../../protocol/http.ts';
import { RequestError } from '../errors.ts';
import { findCandidate } from '../store/accounts.ts';
import * as store from '../store/sessions.ts';
import type { AccessToken } from './access-token.ts';
import type { AccountDeps } from './deps.ts';
import {
  hashOf,
  isOfFamily,
  mintRefreshToken,
  openSuccessor,
  type RefreshToken,
  readRefreshToken,
  sealSuccessor,
  writeRefreshToken,
} from './refresh-token.ts';

/** A family that hasn't been refreshed for this long can't be any more. */
export const REFRESH_TOKEN_MS = 30 * 24 * 3_600_000;

export interface Login {
  readonly login: string;
  readonly password: string;
  readonly device: {
    readonly name: string;
    readonly id?: string | undefined;
    readonly refreshToken?: string | undefined;
  };
}

export async function login(deps: AccountDeps, given: Login, address: string): Promise<Tokens> {
  const guess = `${address} ${given.login}`;
  await deps.limits.check('login_failures', guess);
  await deps.limits.take('login_address', address);
  await deps.limits.take('login_account', given.login);
  const candidate = await findCandidate(deps.gate, given.login);
  const passwordHash = candidate?.passwordHash;
  const right = await deps.passwords.matches(given.password, passwordHash);
  if (candidate === undefined || passwordHash === undefined || !right) {
    await deps.limits.take('login_failures', guess);
    throw new RequestError('invalid_credentials');
  }
  // Only someone who knows the password learns more.
  await deps.limits.forget('login_failures', guess);
  if (candidate.pending) throw new RequestError('email_unverified');
  if (candidate.suspended) throw new RequestError('account_suspended');

  const userId = candidate.id;
  const deviceId = await provenDevice(deps, userId, given.device);
  const id = uuidv7();
  const reuseKey = randomBytes(32);
  const first = mintRefreshToken(id, reuseKey);
  const opened = await store.openSession(deps.gate, {
    id,
    userId,
    passwordHash,
    deviceName: given.device.name,
    deviceId,
    refreshHash: hashOf(first),
    reuseKey,
  });
  if (opened === undefined) throw new RequestError('invalid_credentials');
  if (opened.ended.length > 0) deps.endSessions(userId, opened.ended, closeCodes.device_revoked, 'logged_out');
  if (opened.mailId !== undefined) deps.wakeMail([opened.mailId]);
  return answer(deps, { userId, deviceId: opened.deviceId, sessionId: id }, first);
}

/** The device someone says to be, if its newest refresh token proves it, expired or logged out as that may be. */
async function provenDevice(deps: AccountDeps, userId: string, device: Login['device']): Promise<string | undefined> {
  if (device.id === undefined || device.refreshToken === undefined) return undefined;
  const token = readRefreshToken(device.refreshToken);
  const session = token && (await store.findSession(deps.gate, token.sessionId));
  if (token === undefined || session === undefined || !isOfFamily(token, session.reuseKey)) return undefined;
  if (session.userId !== userId || session.deviceId !== device.id) return undefined;
  const hash = hashOf(token);
  if (hash.equals(session.refreshHash) || (session.nextHash !== null && hash.equals(session.nextHash))) {
    return session.deviceRevoked || session.endedReason === 'token_reuse' ? undefined : session.deviceId;
  }
  if (session.endedReason === null && !(session.previousHash !== null && hash.equals(session.previousHash)))
    await reused(deps, session);
  return undefined;
}

/**
 * Exchanges a refresh token for its one successor, which is the same however often and from wherever it is asked for,
 * until the successor itself is presented. The two statements that write are compare-and-swap; a caller that loses the
 * race looks again.
 */
export async function refresh(deps: AccountDeps, text: string, address: string): Promise<Tokens> {
  await deps.limits.take('refresh_address', address);
  const token = readRefreshToken(text);
  if (token === undefined) throw new RequestError('token_invalid');
  for (let tries = 0; tries < 5; tries += 1) {
    const session = await store.findSession(deps.gate, token.sessionId);
    if (session === undefined || !isOfFamily(token, session.reuseKey)) throw new RequestError('token_invalid');
    judge(session);
    const successor = await exchange(deps, session, token);
    if (successor !== undefined) return answer(deps, { ...session, sessionId: session.id }, successor);
  }
  throw new RequestError('unavailable', { retryAfterMs: 100 });
}

function judge(session: store.StoredSession): void {
  if (session.endedReason === 'token_reuse') throw new RequestError('token_reuse');
  if (session.endedReason !== null || session.deviceRevoked || session.deleted) throw new RequestError('token_invalid');
  if (session.suspended) throw new RequestError('account_suspended');
  if (session.refreshedAt.getTime() + REFRESH_TOKEN_MS < Date.now()) throw new RequestError('token_invalid');
}

/** Nothing: another request changed the session meanwhile. */
async function exchange(
  deps: AccountDeps,
  session: store.StoredSession,
  token: RefreshToken,
): Promise<RefreshToken | undefined> {
  const { id, reuseKey, nextHash, nextSealed } = session;
  const presented = hashOf(token);
  if (presented.equals(session.refreshHash) && nextSealed !== null) return openSuccessor(nextSealed, token, reuseKey);
  const isSuccessor = nextHash !== null && presented.equals(nextHash);
  if (presented.equals(session.refreshHash) || isSuccessor) {
    const successor = mintRefreshToken(id, reuseKey);
    const change = { id, presented, nextHash: hashOf(successor), nextSealed: sealSuccessor(successor, token) };
    const changed = isSuccessor
      ? await store.promoteSuccessor(deps.gate, change)
      : await store.setSuccessor(deps.gate, change);
    return changed ? successor : undefined;
  }
  // The predecessor of the current token may come late, from another tab. It gets nothing, but proves nothing bad.
  if (session.previousHash !== null && presented.equals(session.previousHash)) throw new RequestError('token_invalid');
  await reused(deps, session);
  throw new RequestError('token_reuse');
}

/** An old token came back: it or its successors are in wrong hands, and nobody can tell which. */
async function reused(deps: AccountDeps, session: store.StoredSession): Promise<void> {
  const ended = await store.endReusedSession(deps.gate, session);
  if (ended === undefined) return;
  deps.log.warn(
    { userId: session.userId, sessionId: session.id },
    'an old refresh token was presented; its session was ended',
  );
  deps.endSessions(session.userId, [session.id], closeCodes.device_revoked, 'token_reuse');
  if (ended.mailId !== undefined) deps.wakeMail([ended.mailId]);
}

/** Ends the session; the device, its place in conversations and its keys stay. */
export async function logout(deps: AccountDeps, token: AccessToken): Promise<void> {
  const ended = await store.endSession(deps.gate, token.sessionId, 'logged_out');
  if (ended) deps.endSessions(token.userId, [token.sessionId], closeCodes.device_revoked, 'logged_out');
}

async function answer(
  deps: AccountDeps,
  identity: { userId: string; deviceId: string; sessionId: string },
  token: RefreshToken,
): Promise<Tokens> {
  const { userId, deviceId, sessionId } = identity;
  const access = await deps.tokens.issue({ userId, deviceId, sessionId });
  return {
    userId,
    deviceId,
    accessToken: access.token,
    accessTokenExpiresAt: access.expiresAt.toISOString(),
    refreshToken: writeRefreshToken(token),
  };
}
