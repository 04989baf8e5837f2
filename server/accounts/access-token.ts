import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { PublicProtocol } from 'paseto';
import { SignFactory } from 'paseto/v4/public';
import * as v from 'valibot';
import { uuid } from '../../protocol/scalars.ts';
import type { SigningKeys } from './signing-keys.ts';
import { readV4Public, signedBy } from './v4-public.ts';

const v4 = new PublicProtocol(SignFactory);

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

const footer = v.object({ kid: v.string(), seal: v.optional(v.string()) });
const claims = v.object({
  purpose: v.literal('access'),
  sub: uuid,
  device: uuid,
  session: uuid,
  iat: v.pipe(v.string(), v.isoTimestamp()),
  exp: v.pipe(v.string(), v.isoTimestamp()),
});

type Claims = v.InferOutput<typeof claims>;

/**
 * Tokens for 15 minutes; v4.public, so that anyone who has the public keys can check them. The footer also carries a seal,
 * an HMAC over the claims: an instance that has the secret key itself needs no signature to know its own tokens. When an
 * instance dies, its clients bring theirs to the others all at once, and a signature takes fifty times as long.
 */
export function createAccessTokens(
  keys: SigningKeys,
  lifetimeMs = ACCESS_TOKEN_MS,
  now: () => number = Date.now,
): AccessTokens {
  return {
    publicKeys: [...keys.verifying.values()].map((key) => key.paserk),

    async issue(identity) {
      // Whole seconds: some readers of PASETO take no fractions.
      const issuedAt = Math.floor(now() / 1000) * 1000;
      const expiresAt = new Date(issuedAt + lifetimeMs);
      const content = {
        purpose: 'access' as const,
        sub: identity.userId,
        device: identity.deviceId,
        session: identity.sessionId,
        iat: new Date(issuedAt).toISOString(),
        exp: expiresAt.toISOString(),
      };
      const seal = sealOf(content, keys.seal).toString('base64url');
      const foot = new TextEncoder().encode(JSON.stringify({ kid: keys.id, seal }));
      return { token: await v4.Sign(keys.secret, content, { footer: foot }), expiresAt };
    },

    async verify(token) {
      const read = readV4Public(token);
      if (read === undefined) return undefined;
      // Neither is to be believed before one of the two checks that follow.
      const foot = v.safeParse(footer, parsed(read.footer));
      const content = v.safeParse(claims, parsed(read.message));
      if (!foot.success || !content.success) return undefined;
      const { kid, seal } = foot.output;
      if (seal !== undefined && kid === keys.id) {
        if (!isSeal(seal, content.output, keys.seal)) return undefined;
      } else {
        const key = keys.verifying.get(kid)?.key;
        if (key === undefined || !(await signedBy(key, read))) return undefined;
      }
      const { sub, device, session, exp } = content.output;
      const expiresAt = new Date(exp);
      // Not `<=`: a time that can't be read is no time to come.
      if (!(expiresAt.getTime() > now())) return undefined;
      return { userId: sub, deviceId: device, sessionId: session, expiresAt };
    },
  };
}

/** Over every claim that is read; none of them can contain the separator. */
function sealOf({ purpose, sub, device, session, iat, exp }: Claims, key: KeyObject): Buffer {
  return createHmac('sha256', key).update([purpose, sub, device, session, iat, exp].join('\n')).digest();
}

function isSeal(seal: string, content: Claims, key: KeyObject): boolean {
  const given = Buffer.from(seal, 'base64url');
  const right = sealOf(content, key);
  return given.length === right.length && timingSafeEqual(given, right);
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    // No JSON: nothing that was issued here.
    return undefined;
  }
}
