import { type Bytes, own, toHex } from './bytes.ts';

/** An Ed25519 key pair in the raw forms that are stored and sent: 32 bytes public, PKCS #8 private. */
export interface SigningKey {
  readonly publicKey: Bytes;
  readonly privateKey: Bytes;
}

export async function generateSigningKey(): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  return {
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
    privateKey: new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)),
  };
}

// Keyed by the array itself: a private key that is dropped or wiped takes its import along.
const signingKeys = new WeakMap<Uint8Array, Promise<CryptoKey>>();
const verifyingKeys = new Map<string, Promise<CryptoKey>>();
const maxVerifyingKeys = 1024;

export function importSigningKey(pkcs8: Uint8Array): Promise<CryptoKey> {
  const known = signingKeys.get(pkcs8);
  if (known) return known;
  const key = crypto.subtle.importKey('pkcs8', own(pkcs8), 'Ed25519', false, ['sign']);
  signingKeys.set(pkcs8, key);
  key.catch(() => signingKeys.delete(pkcs8));
  return key;
}

export function importVerifyingKey(raw: Uint8Array): Promise<CryptoKey> {
  const id = toHex(raw);
  const known = verifyingKeys.get(id);
  if (known) return known;
  const key = crypto.subtle.importKey('raw', own(raw), 'Ed25519', false, ['verify']);
  if (verifyingKeys.size >= maxVerifyingKeys) verifyingKeys.clear();
  verifyingKeys.set(id, key);
  key.catch(() => verifyingKeys.delete(id));
  return key;
}

export async function sign(privateKey: Uint8Array, message: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign('Ed25519', await importSigningKey(privateKey), own(message)));
}

/** False for anything that is not a valid signature, also for malformed keys and signatures. */
export async function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    return await crypto.subtle.verify('Ed25519', await importVerifyingKey(publicKey), own(signature), own(message));
  } catch {
    return false; // not a point on the curve
  }
}
