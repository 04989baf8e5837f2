import { sha256 } from '@noble/hashes/sha2.js';
import {
  accountChainBytes,
  accountKeyBytes,
  chainStart,
  deviceBytes,
  recoveryBytes,
  revokeBytes,
} from '../../protocol/identity.ts';
import { type Bytes, equalBytes, own } from './bytes.ts';
import { generateSigningKey, type SigningKey, sign, verify } from './ed25519.ts';
import { E2eeError } from './error.ts';

export type { SigningKey } from './ed25519.ts';

/** A device key and the account key's word for it, as the directory hands them out. */
export interface DirectoryDevice {
  readonly deviceId: string;
  readonly key: Uint8Array;
  readonly crossSig: Uint8Array;
  /** An identity that this client had accepted vouched for it, and the one accepted now does not (yet). */
  readonly former?: boolean | undefined;
}

/** One link of an account's append-only key chain, as the directory hands it out. */
export interface ChainLink {
  readonly version: number;
  readonly key: Uint8Array;
  /** By the key before; absent on the first key and after a reset. */
  readonly signature?: Uint8Array | undefined;
  readonly hash: Uint8Array;
}

/** What this client has accepted about a contact: pinned on first use, replaced only by an accepted change. */
export interface PinnedAccount {
  readonly userId: string;
  readonly version: number;
  readonly key: Uint8Array;
  readonly hash: Uint8Array;
  /** Someone compared the safety number. */
  readonly verified: boolean;
  /** The version since which each key was signed by the one before it: those keys may still vouch for devices. */
  readonly since: number;
}

export type ChainJudgement =
  /** Never seen: pin it. */
  | { readonly kind: 'first'; readonly pin: PinnedAccount }
  | { readonly kind: 'same'; readonly pin: PinnedAccount }
  /** The old key signed the new one: adopt the pin and tell the user. */
  | { readonly kind: 'rotated'; readonly pin: PinnedAccount }
  /** Nobody vouches for the new key: keep the old pin until the application accepts this one. */
  | { readonly kind: 'reset'; readonly pin: PinnedAccount }
  /** The directory contradicts what it said before: someone lies. Keep the old pin. */
  | { readonly kind: 'rewritten' };

export const generateAccountKey: () => Promise<SigningKey> = generateSigningKey;
export const generateDeviceKey: () => Promise<SigningKey> = generateSigningKey;

/** The account vouches for a device; only a holder of the account's private key can. */
export function crossSign(
  account: SigningKey,
  userId: string,
  deviceId: string,
  deviceKey: Uint8Array,
): Promise<Bytes> {
  return sign(account.privateKey, deviceBytes(userId, deviceId, deviceKey));
}

export function verifyCrossSignature(
  accountKey: Uint8Array,
  userId: string,
  device: DirectoryDevice,
): Promise<boolean> {
  return device.key.length === 32
    ? verify(accountKey, deviceBytes(userId, device.deviceId, device.key), device.crossSig)
    : Promise.resolve(false);
}

/** For `device.revoke {signature}`. The server checks it; it tells others of the revocation without it. */
export function signRevocation(account: SigningKey, userId: string, deviceId: string): Promise<Bytes> {
  return sign(account.privateKey, revokeBytes(userId, deviceId));
}

/** For `recovery.put {signature}`. */
export function signRecovery(
  account: SigningKey,
  userId: string,
  blobVersion: number,
  blob: Uint8Array,
): Promise<Bytes> {
  return sign(account.privateKey, recoveryBytes(userId, blobVersion, sha256(blob)));
}

export function verifyRecovery(
  accountKey: Uint8Array,
  userId: string,
  blobVersion: number,
  blob: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return verify(accountKey, recoveryBytes(userId, blobVersion, sha256(blob)), signature);
}

export function chainHash(userId: string, previousHash: Uint8Array, link: Omit<ChainLink, 'hash'>): Bytes {
  return own(sha256(accountChainBytes(previousHash, { userId, ...link })));
}

/**
 * Checks a whole chain (hashes, order, and each signature that is there) and compares it with what is pinned.
 * Rejects with `refused` for a chain that is broken in itself.
 */
export async function judgeChain(
  userId: string,
  chain: readonly ChainLink[],
  pinned?: PinnedAccount,
): Promise<ChainJudgement> {
  let previous: ChainLink | undefined;
  let since = 1;
  for (const link of chain) {
    const previousHash = previous?.hash ?? chainStart();
    if (link.version !== (previous?.version ?? 0) + 1) throw broken('versions are missing');
    if (link.key.length !== 32) throw broken('a key has the wrong length');
    if (!equalBytes(link.hash, chainHash(userId, previousHash, link))) throw broken('a hash is wrong');
    if (link.signature) {
      const passedOn = accountKeyBytes(previousHash, { userId, version: link.version, key: link.key });
      if (!previous || !(await verify(previous.key, passedOn, link.signature))) throw broken('a signature is wrong');
    } else {
      since = link.version;
    }
    previous = link;
  }
  if (!previous) throw broken('it is empty');
  const head = { userId, version: previous.version, key: own(previous.key), hash: own(previous.hash), since };
  if (!pinned) return { kind: 'first', pin: { ...head, verified: false } };
  const known = chain[pinned.version - 1];
  if (!known || !equalBytes(known.hash, pinned.hash)) return { kind: 'rewritten' };
  if (head.version === pinned.version) return { kind: 'same', pin: pinned };
  return since <= pinned.version
    ? { kind: 'rotated', pin: { ...head, since: pinned.since, verified: pinned.verified } }
    : { kind: 'reset', pin: { ...head, verified: false } };
}

/** The keys that may vouch for devices under a pin: those since the last reset. `chain` was judged before. */
export function vouchingKeys(chain: readonly ChainLink[], pin: PinnedAccount): Uint8Array[] {
  return chain.filter(({ version }) => version >= pin.since && version <= pin.version).map(({ key }) => key);
}

/** True if one of the account's accepted keys vouches for the device. */
export async function isVouched(
  accountKeys: readonly Uint8Array[],
  userId: string,
  device: DirectoryDevice,
): Promise<boolean> {
  for (const key of accountKeys) if (await verifyCrossSignature(key, userId, device)) return true;
  return false;
}

const broken = (why: string) => new E2eeError('refused', `The account's key chain is broken: ${why}.`);
