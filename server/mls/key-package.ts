import { MAX_KEY_PACKAGE_BYTES } from '../../protocol/keys.ts';
import { type LeafNode, type LeafSource, readExtensions, readLeafNode, suite } from './leaf-node.ts';
import { ensure, MlsError } from './mls-error.ts';
import { importKey, isSignedWithLabel, refHash } from './signatures.ts';
import { openMessage, type TlsReader } from './tls.ts';

const wireFormat = 5;
const lastResortExtension = 0x000a;
const day = 86_400;

/** Days between the two ends of a lifetime. */
export const maxLifetimeDays = 100;
/**
 * How far a client's clock may run ahead. Clients should still date `not_before` back, for other clients check it
 * too.
 */
const clockToleranceSeconds = 300;

type Lifetime = Extract<LeafSource, { kind: 'key_package' }>;

/** A KeyPackage as read, nothing about it proved. */
export type KeyPackage = {
  /** KeyPackageRef, 32 bytes: how commits and welcomes name it. */
  readonly ref: Buffer;
  readonly initKey: Uint8Array;
  readonly leaf: LeafNode & { readonly source: Lifetime };
  /** Whether it may be handed out more than once (extension 0x000A). */
  readonly lastResort: boolean;
  readonly signedPart: Uint8Array;
  readonly signature: Uint8Array;
};

/** What is worth storing of a key package that passed all checks. */
export type CheckedKeyPackage = {
  readonly ref: Buffer;
  readonly suite: number;
  readonly notAfter: Date;
  readonly lastResort: boolean;
};

/** Whose key package is expected, and the time in milliseconds. */
export type KeyPackageOwner = {
  readonly userId: string;
  readonly deviceId: string;
  /** The registered Ed25519 key of the device, 32 bytes. */
  readonly deviceKey: Uint8Array;
  readonly now: number;
};

/**
 * Checks a published key package (an MLSMessage of wire format mls_key_package, RFC 9420 section 10.1) completely:
 * its form, whose it is, both signatures, the lifetime. Two Ed25519 verifications, about 0.2 ms: let others run
 * between the packages of a batch.
 */
export function checkKeyPackage(message: Uint8Array, owner: KeyPackageOwner): CheckedKeyPackage {
  const reader = openMessage(message, MAX_KEY_PACKAGE_BYTES, wireFormat);
  const keyPackage = readKeyPackage(reader);
  reader.end();
  const { leaf } = keyPackage;
  ensure(
    leaf.userId === owner.userId.toLowerCase() && leaf.deviceId === owner.deviceId.toLowerCase(),
    'wrong_identity',
  );
  ensure(Buffer.compare(leaf.signatureKey, owner.deviceKey) === 0, 'wrong_signature_key');
  const notAfter = checkLifetime(leaf.source, owner.now);
  const key = importKey(leaf.signatureKey);
  ensure(isSignedWithLabel(key, 'LeafNodeTBS', leaf.signedPart, leaf.signature), 'bad_leaf_signature');
  ensure(isSignedWithLabel(key, 'KeyPackageTBS', keyPackage.signedPart, keyPackage.signature), 'bad_signature');
  return { ref: keyPackage.ref, suite, notAfter, lastResort: keyPackage.lastResort };
}

/** Reads a bare KeyPackage, as it stands in a key package message and in an Add proposal. */
export function readKeyPackage(reader: TlsReader): KeyPackage {
  const start = reader.position;
  ensure(reader.uint16() === 1, 'wrong_version');
  ensure(reader.uint16() === suite, 'wrong_suite');
  const initKey = reader.vector(32);
  const leaf = readLeafNode(reader);
  if (!isForKeyPackage(leaf)) throw new MlsError('wrong_leaf_source');
  const lastResort = readExtensions(reader).includes(lastResortExtension);
  const signedPart = reader.since(start);
  const signature = reader.vector(64);
  ensure(Buffer.compare(initKey, leaf.encryptionKey) !== 0, 'reused_key');
  return {
    ref: refHash('KeyPackage Reference', reader.since(start)),
    initKey,
    leaf,
    lastResort,
    signedPart,
    signature,
  };
}

function isForKeyPackage(leaf: LeafNode): leaf is KeyPackage['leaf'] {
  return leaf.source.kind === 'key_package';
}

function checkLifetime({ notBefore, notAfter }: Lifetime, now: number): Date {
  const seconds = BigInt(Math.floor(now / 1000));
  ensure(notAfter > seconds && notAfter > notBefore, 'lifetime_over');
  ensure(notBefore <= seconds + BigInt(clockToleranceSeconds), 'lifetime_not_started');
  ensure(notAfter - notBefore <= BigInt(maxLifetimeDays * day), 'lifetime_too_long');
  return new Date(Number(notAfter) * 1000);
}
