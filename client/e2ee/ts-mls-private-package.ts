import type { PrivateKeyPackage } from 'ts-mls';
import { type Bytes, concat, own } from './bytes.ts';
import { E2eeError } from './error.ts';

const version = 1;

/** Version, then the two X25519 keys. The signature key is the device's and is not stored again. */
export function encodePrivatePackage({ initPrivateKey, hpkePrivateKey }: PrivateKeyPackage): Bytes {
  if (initPrivateKey.length !== 32 || hpkePrivateKey.length !== 32) throw new TypeError('X25519 keys have 32 bytes');
  return concat(Uint8Array.of(version), initPrivateKey, hpkePrivateKey);
}

export function decodePrivatePackage(bytes: Uint8Array, signaturePrivateKey: Uint8Array): PrivateKeyPackage {
  if (bytes.length !== 65 || bytes[0] !== version)
    throw new E2eeError('malformed', 'The key package secret is damaged.');
  return {
    initPrivateKey: own(bytes.subarray(1, 33)),
    hpkePrivateKey: own(bytes.subarray(33, 65)),
    signaturePrivateKey,
  };
}
