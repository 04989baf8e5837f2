import { gcm } from '@noble/ciphers/aes.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { type CiphersuiteImpl, type CiphersuiteName, getCiphersuiteFromName, getCiphersuiteImpl } from 'ts-mls';
import { equalBytes } from './bytes.ts';
import { sign, verify } from './ed25519.ts';

/** Suite 1 of RFC 9420, the only one used. */
export const suiteName: CiphersuiteName = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';

// Above this, WebCrypto's speed outweighs its hop to another thread.
const maxSyncBytes = 2048;

/**
 * The library's own provider goes through WebCrypto for each of the dozens of tiny HMACs of a message, and imports
 * keys again and again. Doing small things synchronously and remembering signature keys makes a message twice as
 * cheap. Table-driven AES is not constant-time, but every key it sees here encrypts exactly one thing, so there is
 * nothing to average over. Keys that live longer (X25519, Ed25519, history keys, the store) stay with WebCrypto.
 */
export async function fastSuite(): Promise<CiphersuiteImpl> {
  const suite = await getCiphersuiteImpl(getCiphersuiteFromName(suiteName));
  return {
    ...suite,
    hpke: {
      ...suite.hpke,
      encryptAead: async (key, nonce, data, plaintext) =>
        plaintext.length > maxSyncBytes
          ? suite.hpke.encryptAead(key, nonce, data, plaintext)
          : gcm(key, nonce, data).encrypt(plaintext),
      decryptAead: async (key, nonce, data, ciphertext) =>
        ciphertext.length > maxSyncBytes
          ? suite.hpke.decryptAead(key, nonce, data, ciphertext)
          : gcm(key, nonce, data).decrypt(ciphertext),
    },
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
