import { gcm } from '@noble/ciphers/aes.js';
import { type Bytes, own } from './bytes.ts';
import { E2eeError } from './error.ts';

// A key that encrypts one thing needs no nonce, so the nonce is constant.
const nonce = new Uint8Array(12);
// Above this, WebCrypto's speed outweighs its hop to another thread.
const maxSyncBytes = 2048;

/** AES-256-GCM under a key that is random, fresh, and used for this one plaintext only. */
export async function sealOnce(key: Bytes, plaintext: Bytes, additionalData: Bytes): Promise<Bytes> {
  if (plaintext.length <= maxSyncBytes) return own(gcm(key, nonce, additionalData).encrypt(plaintext));
  const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt']);
  return new Uint8Array(
    await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce, additionalData }, imported, plaintext),
  );
}

/** Rejects with `undecryptable`. */
export async function openOnce(key: Bytes, ciphertext: Bytes, additionalData: Bytes): Promise<Bytes> {
  try {
    if (ciphertext.length <= maxSyncBytes) return own(gcm(key, nonce, additionalData).decrypt(ciphertext));
    const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt']);
    return new Uint8Array(
      await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce, additionalData }, imported, ciphertext),
    );
  } catch (cause) {
    throw new E2eeError('undecryptable', 'The content was changed or its key is another.', { cause });
  }
}
