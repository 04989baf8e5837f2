import { InspectFooter, PublicProtocol } from 'paseto';
import { SignFactory, VerifyFactory } from 'paseto/v4/public';
import * as v from 'valibot';
import { uuid } from '../../protocol/scalars.ts';
import type { SigningKeys } from './signing-keys.ts';

const v4 = new PublicProtocol(SignFactory, VerifyFactory);

export const ACCESS_TOKEN_MS = 15 * 60_000;

/** Whom a token speaks for. It says nothing about whether that session still lives: the database does. */
export interface Identity {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
}

export interface AccessToken extends Identity {
  readonly expiresAt: Date;
}

export interface AccessTokens {
  issue(identity: Identity): Promise<{ token: string; expiresAt: Date }>;
  /** Nothing for a token that is forged, expired, of an unknown key or of another purpose. */
  verify(token: string): Promise<AccessToken | undefined>;
  /** The public keys whose tokens are accepted, as PASERK. */
  readonly publicKeys: readonly string[];
}

const footer = v.object({ kid: v.string() });
const claims = v.object({
  purpose: v.literal('access'),
  sub: uuid,
  device: uuid,
  session: uuid,
  exp: v.pipe(v.string(), v.isoTimestamp()),
});

/** Tokens for 15 minutes; v4.public, so that anyone who has the public keys can check them. */
export function createAccessTokens(
  keys: SigningKeys,
  lifetimeMs = ACCESS_TOKEN_MS,
  now: () => number = Date.now,
): AccessTokens {
  const signedFooter = new TextEncoder().encode(JSON.stringify({ kid: keys.id }));
  return {
    publicKeys: [...keys.verifying.values()].map((key) => key.paserk),

    async issue(identity) {
      // Whole seconds: some readers of PASETO take no fractions.
      const issuedAt = Math.floor(now() / 1000) * 1000;
      const expiresAt = new Date(issuedAt + lifetimeMs);
      const content = {
        purpose: 'access',
        sub: identity.userId,
        device: identity.deviceId,
        session: identity.sessionId,
        iat: new Date(issuedAt).toISOString(),
        exp: expiresAt.toISOString(),
      };
      return { token: await v4.Sign(keys.secret, content, { footer: signedFooter }), expiresAt };
    },

    async verify(token) {
      const key = keyOf(token, keys);
      if (key === undefined) return undefined;
      const content = await verified(key, token, now());
      const parsed = v.safeParse(claims, content);
      if (!parsed.success) return undefined;
      const { sub, device, session, exp } = parsed.output;
      const expiresAt = new Date(exp);
      // The library accepts a token without `exp`; the schema doesn't.
      if (expiresAt.getTime() <= now()) return undefined;
      return { userId: sub, deviceId: device, sessionId: session, expiresAt };
    },
  };
}

/** The footer isn't trusted before the signature is checked: it only says which key to check with. */
function keyOf(token: string, keys: SigningKeys) {
  if (token.length > 2048 || !token.startsWith('v4.public.')) return undefined;
  try {
    const parsed = v.safeParse(footer, JSON.parse(new TextDecoder().decode(InspectFooter(token))));
    return parsed.success ? keys.verifying.get(parsed.output.kid)?.key : undefined;
  } catch {
    // No token, or no footer of ours.
    return undefined;
  }
}

async function verified(key: Parameters<typeof v4.Verify>[0], token: string, now: number): Promise<unknown> {
  try {
    return (await v4.Verify(key, token, { now: new Date(now) })).claims;
  } catch {
    // Every reason comes to the same: it is no valid token.
    return undefined;
  }
}
