import { type KeyObject, verify } from 'node:crypto';

const HEADER = Buffer.from('v4.public.');
const NOTHING = Buffer.alloc(0);
const SIGNATURE_BYTES = 64;
const MAX_LENGTH = 2048;

/** A token taken apart. Nothing in it is to be believed before `signedBy` has said so. */
export interface V4Public {
  readonly message: Buffer;
  readonly signature: Buffer;
  readonly footer: Buffer;
}

/** Nothing for what has not the form of a `v4.public` token, or was not written as its bytes are written. */
export function readV4Public(token: string): V4Public | undefined {
  if (token.length > MAX_LENGTH) return undefined;
  const [version, purpose, body, foot, ...more] = token.split('.');
  if (version !== 'v4' || purpose !== 'public' || body === undefined || more.length > 0) return undefined;
  const bytes = decode(body);
  const footer = foot === undefined ? NOTHING : decode(foot);
  if (bytes === undefined || footer === undefined || bytes.length <= SIGNATURE_BYTES) return undefined;
  return { message: bytes.subarray(0, -SIGNATURE_BYTES), signature: bytes.subarray(-SIGNATURE_BYTES), footer };
}

/**
 * Checks a token as PASETO's specification does (version 4, `Verify`: https://github.com/paseto-standard/paseto-spec).
 * Written here since each connection begins with it: the library, which signs, takes twice as long. The signature itself
 * is checked by Node, off the main thread.
 */
export function signedBy(key: KeyObject, { message, signature, footer }: V4Public): Promise<boolean> {
  const signed = preAuthentication([HEADER, message, footer, NOTHING]);
  return new Promise((resolve, reject) => {
    verify(null, signed, key, signature, (error, right) => (error === null ? resolve(right) : reject(error)));
  });
}

/** Two texts of the same bytes would be two tokens where one was signed. */
function decode(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.length > 0 && bytes.toString('base64url') === text ? bytes : undefined;
}

/** The specification's PAE: the number of pieces, then each with its length before it, all as 64 bits, little-endian. */
function preAuthentication(pieces: readonly Buffer[]): Buffer {
  const parts = [length(pieces.length)];
  for (const piece of pieces) parts.push(length(piece.length), piece);
  return Buffer.concat(parts);
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value);
  return bytes;
}
