import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  type AccountKey,
  accountChainBytes,
  accountKeyBytes,
  deviceBytes,
  recoveryBytes,
  revokeBytes,
} from '../../protocol/identity.ts';
import { ensure } from './mls-error.ts';
import { writeVector } from './tls.ts';

const fieldPrime = 2n ** 255n - 19n;
const orderEight = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
/** The y coordinates of the eight points of small order. */
const smallOrderYs: ReadonlySet<bigint> = new Set([0n, 1n, fieldPrime - 1n, orderEight, fieldPrime - orderEight]);

/**
 * Whether 32 bytes may be registered as an Ed25519 key. Keys of small order are refused: signatures "by" them can be
 * made without any secret, and libraries disagree about accepting these.
 */
export function isUsableKey(key: Uint8Array): boolean {
  if (key.length !== 32) return false;
  const bigEndian = Buffer.from(key).reverse();
  bigEndian[0] = (bigEndian[0] ?? 0) & 0x7f;
  return !smallOrderYs.has(BigInt(`0x${bigEndian.toString('hex')}`) % fieldPrime);
}

/**
 * Whether the account key vouches for the device: `keys.register`'s `crossSig` over `deviceBytes`. No for an unusable
 * device key.
 */
export function isDeviceVouched(
  accountKey: Uint8Array,
  device: { userId: string; deviceId: string; deviceKey: Uint8Array },
  signature: Uint8Array,
): boolean {
  if (!isUsableKey(device.deviceKey)) return false;
  return isSigned(accountKey, deviceBytes(device.userId, device.deviceId, device.deviceKey), signature);
}

/** Whether the account key asks for the device's revocation: `device.revoke`'s `signature` over `revokeBytes`. */
export function isRevocationSigned(
  accountKey: Uint8Array,
  device: { userId: string; deviceId: string },
  signature: Uint8Array,
): boolean {
  return isSigned(accountKey, revokeBytes(device.userId, device.deviceId), signature);
}

/** Whether the account key put its name to the recovery blob of this version: `signature` over `recoveryBytes`. */
export function isRecoverySigned(
  accountKey: Uint8Array,
  { userId, version, blob }: { userId: string; version: number; blob: Uint8Array },
  signature: Uint8Array,
): boolean {
  const hash = createHash('sha256').update(blob).digest();
  return isSigned(accountKey, recoveryBytes(userId, version, hash), signature);
}

/**
 * Whether the previous account key vouches for the next: `keys.register`'s `accountKeySig` over `accountKeyBytes`.
 * Without a signature the answer is no: that is a reset, which the caller treats as such.
 */
export function isRotationSigned(previous: { key: Uint8Array; hash: Uint8Array }, next: AccountKey): boolean {
  if (!next.signature || !isUsableKey(next.key)) return false;
  return isSigned(previous.key, accountKeyBytes(previous.hash, next), next.signature);
}

/**
 * The chain hash of an account key: SHA-256 over `accountChainBytes`. `previousHash` is `chainStart()` for version 1.
 */
export function chainHash(previousHash: Uint8Array, entry: AccountKey): Buffer {
  return createHash('sha256').update(accountChainBytes(previousHash, entry)).digest();
}

/** Ed25519. Keys and signatures of a wrong length are no error, only not valid. */
export function isSigned(key: Uint8Array, content: Uint8Array, signature: Uint8Array): boolean {
  return isUsableKey(key) && isSignedBy(importKey(key), content, signature);
}

/** A raw Ed25519 public key as node:crypto wants it. By way of a JWK, which took an eighth of the time DER did. */
export function importKey(key: Uint8Array): KeyObject {
  ensure(key.length === 32, 'bad_length');
  return createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key).toString('base64url') },
    format: 'jwk',
  });
}

/** VerifyWithLabel of RFC 9420 section 5.1.2. */
export function isSignedWithLabel(key: KeyObject, label: string, content: Uint8Array, signature: Uint8Array): boolean {
  return isSignedBy(
    key,
    Buffer.concat([writeVector(Buffer.from(`MLS 1.0 ${label}`)), writeVector(content)]),
    signature,
  );
}

/** RefHash of RFC 9420 section 5.2 with SHA-256. */
export function refHash(label: string, value: Uint8Array): Buffer {
  return createHash('sha256')
    .update(writeVector(Buffer.from(`MLS 1.0 ${label}`)))
    .update(writeVector(value))
    .digest();
}

function isSignedBy(key: KeyObject, content: Uint8Array, signature: Uint8Array): boolean {
  return signature.length === 64 && verify(null, content, key, signature);
}
