import { sha256 } from '@noble/hashes/sha2.js';
import { type Bytes, concat, equalBytes, own, randomBytes, utf8 } from './bytes.ts';

// Crockford's alphabet: no I, L, O, U, so nothing is misread; what people type for them is understood.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const keyLength = 32;
const checkLength = 3;

/** 256 random bits. Whoever has them and the stored blob has the account. */
export const generateRecoveryKey = (): Bytes => randomBytes(keyLength);

const checksum = (key: Uint8Array): Bytes =>
  own(sha256(concat(utf8('sotto-recovery-v1'), key)).subarray(0, checkLength));

/** 14 groups of 4 letters and digits: the key and a checksum that finds typing mistakes. */
export function recoveryKeyText(key: Uint8Array): string {
  if (key.length !== keyLength) throw new RangeError('a recovery key has 32 bytes');
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of concat(key, checksum(key))) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(held >> (bits - 5)) & 31];
  }
  return text.match(/.{4}/g)?.join('-') ?? '';
}

/** Reads what was typed, in any case and grouping; undefined if it contains a mistake. */
export function parseRecoveryKey(text: string): Bytes | undefined {
  const typed = text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
  if (typed.length !== 56) return undefined;
  const bytes = new Uint8Array(keyLength + checkLength);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const character of typed) {
    const value = alphabet.indexOf(character);
    if (value < 0) return undefined;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >> bits) & 0xff;
  }
  const key = bytes.slice(0, keyLength);
  return equalBytes(bytes.subarray(keyLength), checksum(key)) ? key : undefined;
}
