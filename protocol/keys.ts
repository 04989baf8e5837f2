import * as v from 'valibot';
import { event, request } from './define.ts';
import { bytes, count, exactBytes, mark, timestamp, uuid, version } from './scalars.ts';

export const MAX_KEY_PACKAGE_BYTES = 8 * 1024;

const publicKey = exactBytes(32);
const signature = exactBytes(64);
const keyPackage = bytes(MAX_KEY_PACKAGE_BYTES);

const packages = v.pipe(v.array(keyPackage), v.maxLength(100));

/**
 * Registers this device's signature key, vouched for by the account key, and that key itself when it is new; and with it
 * its first key packages, so that nobody ever sees the device without any.
 */
export const keysRegister = request(
  'keys.register',
  v.object({
    accountKey: publicKey,
    /** The account key before this one signs it; without that a new key is a reset. */
    accountKeySig: v.optional(signature),
    deviceKey: publicKey,
    crossSig: signature,
    /** As in `keys.publish`. */
    packages: v.optional(packages),
    lastResort: v.optional(keyPackage),
  }),
  v.object({}),
);

/** Publishes one-time key packages, and replaces the last-resort one if it is given. */
export const keysPublish = request(
  'keys.publish',
  v.object({ packages, lastResort: v.optional(keyPackage) }),
  v.object({ oneTime: count, lastResort: count }),
);

/** This device has few one-time key packages left. */
export const keysLow = event('keys.low', v.object({ oneTime: count }));

/** One link of a user's append-only chain of account keys. */
export const accountKey = v.object({
  version,
  key: publicKey,
  /** By the key before; absent on the first key and after a reset. */
  signature: v.optional(signature),
  /** SHA-256 over this link and the hash of the one before. */
  hash: exactBytes(32),
  createdAt: timestamp,
});

export const deviceKey = v.object({
  deviceId: uuid,
  key: publicKey,
  crossSig: signature,
  accountKeyVersion: version,
  createdAt: timestamp,
  /** It may do nothing any more, but sat in groups and wrote what is in the log. */
  revokedAt: v.optional(timestamp),
});

export const keysDevices = request(
  'keys.devices',
  v.object({ userId: uuid }),
  v.object({ accountKeys: v.array(accountKey), devices: v.array(deviceKey), version: mark }),
);

/**
 * Takes one key package of each device that is to be added to a conversation's group: of those named, or of all that
 * are not in it. A device without packages is missing in the answer.
 */
export const keysClaim = request(
  'keys.claim',
  v.object({
    conversationId: uuid,
    deviceIds: v.optional(v.pipe(v.array(uuid), v.minLength(1), v.maxLength(500))),
    /** For a reset: the next group starts empty, so devices of the present one are to be added too. */
    reset: v.optional(v.boolean()),
  }),
  v.object({
    packages: v.array(
      v.object({ userId: uuid, deviceId: uuid, ref: exactBytes(32), package: keyPackage, lastResort: v.boolean() }),
    ),
  }),
);
