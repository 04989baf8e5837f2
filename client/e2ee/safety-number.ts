import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { uuidBytes } from '../../protocol/identity.ts';
import { type Bytes, compareBytes, concat, equalBytes, fromBase64url, own, toBase64url, utf8 } from './bytes.ts';

const rounds = 5200;
const qrVersion = 1;
const qrPrefix = 'sotto-verify:';

/** One side of a safety number. */
export interface Party {
  readonly userId: string;
  readonly accountKey: Uint8Array;
}

/**
 * 5,200 rounds of SHA-512, which makes a second key with the same 30 digits 5,200 times as dear:
 * h(1) = SHA-512("sotto-fp-v1" ‖ account key ‖ user id), h(n) = SHA-512(h(n-1) ‖ account key).
 */
function fingerprint({ userId, accountKey }: Party): Bytes {
  if (accountKey.length !== 32) throw new RangeError('an account key has 32 bytes');
  let hash = sha512(concat(utf8('sotto-fp-v1'), accountKey, uuidBytes(userId)));
  for (let i = 1; i < rounds; i++) hash = sha512(concat(hash, accountKey));
  return own(hash);
}

/** Six groups: each the 40-bit number of 5 bytes modulo 100,000. */
function digits(hash: Uint8Array): string {
  let out = '';
  for (let at = 0; at < 30; at += 5) {
    let value = 0;
    for (let i = 0; i < 5; i++) value = value * 256 + (hash[at + i] ?? 0);
    out += String(value % 100_000).padStart(5, '0');
  }
  return out;
}

/** 60 digits in 12 groups of 5, the same on both sides. Takes tens of milliseconds. */
export function safetyNumber(one: Party, other: Party): string {
  const halves = [fingerprint(one), fingerprint(other)].sort(compareBytes);
  return halves.map(digits).join('').match(/.{5}/g)?.join(' ') ?? '';
}

/** What this side shows as a QR code: version, own half, the other's half. */
export function safetyQr(mine: Party, theirs: Party): string {
  const payload = concat(
    Uint8Array.of(qrVersion),
    fingerprint(mine).subarray(0, 32),
    fingerprint(theirs).subarray(0, 32),
  );
  return qrPrefix + toBase64url(payload);
}

/** Judges a code that the other side shows. */
export function compareSafetyQr(scanned: string, mine: Party, theirs: Party): 'match' | 'mismatch' | 'not_a_code' {
  if (!scanned.startsWith(qrPrefix)) return 'not_a_code';
  let payload: Uint8Array;
  try {
    payload = fromBase64url(scanned.slice(qrPrefix.length));
  } catch {
    return 'not_a_code';
  }
  if (payload.length !== 65 || payload[0] !== qrVersion) return 'not_a_code';
  const expected = concat(fingerprint(theirs).subarray(0, 32), fingerprint(mine).subarray(0, 32));
  return equalBytes(payload.subarray(1), expected) ? 'match' : 'mismatch';
}

/** Six digits that all members of an epoch share unless the group was forked; for reading out to each other. */
export function epochCode(epochAuthenticator: Uint8Array): string {
  const hash = sha256(concat(utf8('sotto-epoch-v1'), epochAuthenticator));
  return String(new DataView(hash.buffer, hash.byteOffset).getUint32(0) % 1_000_000).padStart(6, '0');
}
