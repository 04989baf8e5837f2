import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/**
 * A refresh token is `session id (16 bytes) | secret (32) | mark (16)` in base64url. The secret is stored as a hash
 * only. The mark is a MAC over the rest under the family's key: it tells a token that was once given out from a made-up
 * one, so that reuse is noticed however old the token is, and nobody can end a family by guessing.
 */
export interface RefreshToken {
  readonly sessionId: string;
  readonly secret: Buffer;
  readonly mark: Buffer;
}

const SESSION_BYTES = 16;
const SECRET_BYTES = 32;
const MARK_BYTES = 16;
const LENGTH = SESSION_BYTES + SECRET_BYTES + MARK_BYTES;

export function mintRefreshToken(sessionId: string, reuseKey: Buffer): RefreshToken {
  const secret = randomBytes(SECRET_BYTES);
  return { sessionId, secret, mark: markOf(sessionId, secret, reuseKey) };
}

export function writeRefreshToken(token: RefreshToken): string {
  return Buffer.concat([idBytes(token.sessionId), token.secret, token.mark]).toString('base64url');
}

export function readRefreshToken(text: string): RefreshToken | undefined {
  if (text.length !== Math.ceil((LENGTH * 4) / 3) || !/^[\w-]+$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return {
    sessionId: idText(bytes.subarray(0, SESSION_BYTES)),
    secret: bytes.subarray(SESSION_BYTES, SESSION_BYTES + SECRET_BYTES),
    mark: bytes.subarray(SESSION_BYTES + SECRET_BYTES),
  };
}

/** True if this family gave the token out at some time. */
export function isOfFamily(token: RefreshToken, reuseKey: Buffer): boolean {
  return timingSafeEqual(token.mark, markOf(token.sessionId, token.secret, reuseKey));
}

export function hashOf(token: RefreshToken): Buffer {
  return createHash('sha256').update('sotto refresh token').update(token.secret).digest();
}

/** The successor, readable only to whoever presents the predecessor: the database holds just the hash of that. */
export function sealSuccessor(successor: RefreshToken, predecessor: RefreshToken): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(predecessor), nonce);
  return Buffer.concat([nonce, cipher.update(successor.secret), cipher.final(), cipher.getAuthTag()]);
}

export function openSuccessor(sealed: Buffer, predecessor: RefreshToken, reuseKey: Buffer): RefreshToken {
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(predecessor), sealed.subarray(0, 12), {
    authTagLength: 16,
  });
  decipher.setAuthTag(sealed.subarray(-16));
  const secret = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
  return { sessionId: predecessor.sessionId, secret, mark: markOf(predecessor.sessionId, secret, reuseKey) };
}

function sealingKey(token: RefreshToken): Buffer {
  return Buffer.from(hkdfSync('sha256', token.secret, idBytes(token.sessionId), 'sotto refresh successor', 32));
}

function markOf(sessionId: string, secret: Buffer, reuseKey: Buffer): Buffer {
  return createHmac('sha256', reuseKey).update(idBytes(sessionId)).update(secret).digest().subarray(0, MARK_BYTES);
}

function idBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

function idText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
