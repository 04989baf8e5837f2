/**
 * The byte strings that name and sign identities. Client and server both build them here, so that what one side signs
 * is what the other verifies. Nothing is imported and nothing is hashed or signed here: callers bring their own
 * cryptography.
 *
 * Common to all layouts: a uuid is its 16 raw bytes, integers are big-endian, labels are ASCII without a terminator,
 * keys are 32-byte raw Ed25519 public keys, signatures are 64 bytes, and every field has a fixed length, so none can
 * run into another.
 */

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The 16 raw bytes of a uuid in any letter case. Throws a RangeError for anything else. */
export function uuidBytes(uuid: string): Uint8Array {
  const text = uuid.toLowerCase();
  if (!uuidPattern.test(text)) throw new RangeError('not a uuid');
  const hex = text.replaceAll('-', '');
  return Uint8Array.from({ length: 16 }, (_, index) => Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16));
}

/** The lower-case text of a uuid's 16 raw bytes. */
export function uuidText(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new RangeError('a uuid has 16 bytes');
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The identity in the basic credential of a device's MLS leaf: `<userId>:<deviceId>`, both uuids in lower case, 73
 * characters. On the wire it is the UTF-8 (here the same as ASCII) of this text, see `leafIdentityBytes`.
 */
export function leafIdentity(userId: string, deviceId: string): string {
  const identity = `${userId}:${deviceId}`.toLowerCase();
  if (!parseLeafIdentity(identity)) throw new RangeError('not two uuids');
  return identity;
}

/** `leafIdentity` as the bytes that go into the credential. */
export function leafIdentityBytes(userId: string, deviceId: string): Uint8Array {
  return ascii(leafIdentity(userId, deviceId));
}

/** The two ids in a leaf's identity, or nothing if it isn't exactly of the form `leafIdentity` makes. */
export function parseLeafIdentity(identity: string): { userId: string; deviceId: string } | undefined {
  const userId = identity.slice(0, 36);
  const deviceId = identity.slice(37);
  if (identity.length !== 73 || identity[36] !== ':') return undefined;
  if (!uuidPattern.test(userId) || !uuidPattern.test(deviceId)) return undefined;
  return { userId, deviceId };
}

/**
 * The id of a conversation's MLS group, 20 bytes: conversation id, then the generation as 4 bytes. The first group of a
 * conversation has generation 0; each reset (a new group for the same conversation) adds one.
 */
export function groupIdBytes(conversationId: string, generation: number): Uint8Array {
  return join(uuidBytes(conversationId), uint32(generation));
}

/** The parts of a group id, or nothing if it isn't 20 bytes long. */
export function parseGroupId(groupId: Uint8Array): { conversationId: string; generation: number } | undefined {
  if (groupId.length !== 20) return undefined;
  const generation = new DataView(groupId.buffer, groupId.byteOffset, 20).getUint32(16);
  return { conversationId: uuidText(groupId.subarray(0, 16)), generation };
}

/** What the account key signs to vouch for a device: `sotto-device-v1` ‖ user ‖ device ‖ device key. */
export function deviceBytes(userId: string, deviceId: string, deviceKey: Uint8Array): Uint8Array {
  return join(ascii('sotto-device-v1'), uuidBytes(userId), uuidBytes(deviceId), sized(deviceKey, 32));
}

/** What the account key signs to revoke a device for good: `sotto-revoke-v1` ‖ user ‖ device. */
export function revokeBytes(userId: string, deviceId: string): Uint8Array {
  return join(ascii('sotto-revoke-v1'), uuidBytes(userId), uuidBytes(deviceId));
}

/**
 * What the account key signs to put a recovery blob at the server: `sotto-recovery-put-v1` ‖ user ‖ version (4) ‖ SHA-256
 * of the blob.
 */
export function recoveryBytes(userId: string, version: number, blobHash: Uint8Array): Uint8Array {
  return join(ascii('sotto-recovery-put-v1'), uuidBytes(userId), uint32(version), sized(blobHash, 32));
}

/** One account key as its owner's chain holds it: versions count from 1. */
export type AccountKey = {
  readonly userId: string;
  readonly version: number;
  readonly key: Uint8Array;
  /** By the key before; absent for the first key and for a reset, which nobody vouches for. */
  readonly signature?: Uint8Array | undefined;
};

/**
 * What the previous account key signs to pass on to the next:
 * `sotto-account-v1` ‖ user ‖ version (4) ‖ chain hash of the previous version (32) ‖ next key.
 * The hash ties the signature to the whole history, so it can't be replayed at another place of the chain.
 */
export function accountKeyBytes(previousHash: Uint8Array, next: Omit<AccountKey, 'signature'>): Uint8Array {
  const label = ascii('sotto-account-v1');
  return join(label, uuidBytes(next.userId), uint32(next.version), sized(previousHash, 32), sized(next.key, 32));
}

/**
 * What SHA-256 is taken of for the chain hash of one version:
 * `sotto-chain-v1` ‖ hash of the version before (32 zero bytes for version 1) ‖ user ‖ version (4) ‖ key ‖ signature
 * (64 zero bytes where there is none; no valid signature is all zeros).
 */
export function accountChainBytes(previousHash: Uint8Array, entry: AccountKey): Uint8Array {
  const signature = sized(entry.signature ?? new Uint8Array(64), 64);
  const label = ascii('sotto-chain-v1');
  return join(
    label,
    sized(previousHash, 32),
    uuidBytes(entry.userId),
    uint32(entry.version),
    sized(entry.key, 32),
    signature,
  );
}

/** The hash "before" version 1 of every account's chain. */
export function chainStart(): Uint8Array {
  return new Uint8Array(32);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function uint32(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
    throw new RangeError('not an unsigned 32-bit integer');
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function sized(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new RangeError(`expected ${length} bytes, got ${bytes.length}`);
  return bytes;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
