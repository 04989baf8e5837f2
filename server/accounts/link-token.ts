import { createHash, randomBytes } from 'node:crypto';

/** A token for a link, and the hash of it, which is all that is stored. */
export function mintLinkToken(): { token: string; hash: Buffer } {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: hashLinkToken(token) };
}

export function hashLinkToken(token: string): Buffer {
  return createHash('sha256').update('sotto link token').update(token).digest();
}
