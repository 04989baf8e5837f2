import type { AccessToken } from '../accounts/access-token.ts';
import type { AccountDeps } from '../accounts/deps.ts';
import { RequestError } from '../errors.ts';
import type { HttpRequest } from '../listen/transport.ts';
import { findLiveSession, type LiveSession } from '../store/sessions.ts';

export interface Caller extends AccessToken, LiveSession {}

/** Who asks: a valid access token of a session that still lives, of an account in good standing. */
export async function authenticate(deps: Pick<AccountDeps, 'tokens' | 'gate'>, request: HttpRequest): Promise<Caller> {
  const [, text] = /^Bearer +([\w.-]+)$/i.exec(request.headers.get('authorization') ?? '') ?? [];
  const token = text === undefined ? undefined : await deps.tokens.verify(text);
  const session = token && (await findLiveSession(deps.gate, token.sessionId));
  if (token === undefined || session === undefined) throw new RequestError('unauthenticated');
  if (session.suspended) throw new RequestError('account_suspended');
  return { ...token, ...session };
}
