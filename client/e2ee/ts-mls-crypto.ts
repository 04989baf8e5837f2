import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { type CiphersuiteImpl, type CiphersuiteName, getCiphersuiteFromName, getCiphersuiteImpl } from 'ts-mls';
import { equalBytes } from './bytes.ts';
import { sign, verify } from './ed25519.ts';

/** Suite 1 of RFC 9420, the only one used. */
export const suiteName: CiphersuiteName = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';

/**
 * The library's own provider goes through WebCrypto for each of the dozens of tiny HMACs of a message, and imports
 * the same signature keys again and again. Synchronous hashing and remembered keys make a message about twice as
 * cheap. AES and X25519 stay with WebCrypto, which does them in constant time.
 */
export async function fastSuite(): Promise<CiphersuiteImpl> {
  const suite = await getCiphersuiteImpl(getCiphersuiteFromName(suiteName));
  return {
    ...suite,
    hash: {
      digest: async (data) => sha256(data),
      mac: async (key, data) => hmac(sha256, key, data),
      verifyMac: async (key, mac, data) => equalBytes(hmac(sha256, key, data), mac),
    },
    kdf: {
      size: 32,
      extract: async (salt, ikm) => extract(sha256, ikm, salt),
      expand: async (prk, info, length) => expand(sha256, prk, info, length),
    },
    signature: { ...suite.signature, sign, verify },
  };
}
