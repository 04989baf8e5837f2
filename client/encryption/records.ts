import * as v from 'valibot';
import { MAX_EXPIRY_MS } from '../../protocol/conversation.ts';
import { fromBase64url, toBase64url } from '../e2ee/bytes.ts';
import { conversationSettings, settingsChange } from '../e2ee/content.ts';
import { bytesText } from '../e2ee/conversation-keys.ts';
import type { E2eeEngine, GroupState, KeyPackageBundle } from '../e2ee/engine.ts';
import { unsafeReasons } from '../e2ee/group-checks.ts';
import { decodeSavedState, encodeSavedState } from '../e2ee/records.ts';
import type { Change } from '../store.ts';

/** How encryption keeps its things in the client's store: JSON, bytes as base64url. All keys begin with `e2ee/`. */
export const signingKey = v.object({ publicKey: bytesText(32), privateKey: bytesText(48) });

export const identityRecord = v.object({
  userId: v.string(),
  deviceId: v.string(),
  device: signingKey,
  /** On the primary device only. */
  account: v.optional(signingKey),
  accountKey: v.optional(bytesText(32)),
  crossSig: v.optional(bytesText(64)),
  /** The head of the account's chain, as the primary device told it. */
  chainHead: v.optional(bytesText(32)),
  registered: v.boolean(),
  published: v.boolean(),
  lastResortAt: v.number(),
  /** Devices that have the account's private key, as far as a device that has it knows. */
  holders: v.optional(v.array(v.string())),
  /** A device that had the account key is to be revoked, and this key to take its place. */
  next: v.optional(v.object({ account: signingKey, revoke: v.string() })),
});

/** What keeps the recovery blob at the server up to date. */
export const recoveryRecord = v.object({
  key: bytesText(32),
  /** Of the blob at the server, as this device knows it; 0 before the first. */
  version: v.number(),
  /** The account key's name under that blob. */
  signature: v.optional(bytesText(64)),
  /** For which account key it was sealed. */
  account: bytesText(32),
  /** Over what was sealed: with any other the blob is out of date. */
  digest: v.string(),
});

export const packageRecord = v.object({
  ref: bytesText(32),
  message: bytesText(),
  secret: bytesText(),
  lastResort: v.boolean(),
  notAfter: v.number(),
});

const link = v.object({
  version: v.number(),
  key: bytesText(32),
  signature: v.optional(bytesText(64)),
  hash: bytesText(32),
});

const pin = v.object({
  userId: v.string(),
  version: v.number(),
  key: bytesText(32),
  hash: bytesText(32),
  verified: v.boolean(),
  since: v.number(),
});

export const userRecord = v.object({
  userId: v.string(),
  version: v.number(),
  chain: v.array(link),
  /** Every device ever listed: those that are gone may still sit in groups, and vouched for what they sent. */
  devices: v.array(
    v.object({
      deviceId: v.string(),
      key: bytesText(32),
      crossSig: bytesText(64),
      revoked: v.boolean(),
      /** The word of the new identity for it, while that waits to be accepted. */
      offeredSig: v.optional(bytesText(64)),
      /** Only an identity that was accepted before vouched for it. */
      former: v.optional(v.boolean()),
    }),
  ),
  pin: v.optional(pin),
  /** A new identity that nobody has accepted yet. */
  offered: v.optional(pin),
  rewritten: v.boolean(),
});

/** Why nothing is sent in a conversation. `unreadable`: this device could not open the welcome into its group. */
export const unsafe = v.picklist([...unsafeReasons, 'unreadable']);

export const groupRecord = v.object({
  generation: v.number(),
  /** Absent in a group that this device is not in. */
  state: v.optional(v.string()),
  users: v.array(v.string()),
  /** A reason of another version of this program is a reason all the same. */
  unsafe: v.optional(v.fallback(unsafe, 'unreadable')),
  /** The conversation's epoch at which this device came in: what is older was never meant for it. */
  joined: v.number(),
  /** Messages sent, and time, since this device renewed its keys in the group. */
  sent: v.number(),
  renewedAt: v.number(),
  /** How often somebody has come into the group since this device knows of it. */
  grown: v.optional(v.number(), 0),
});

/** A commit on its way: exactly these bytes are sent until there is an answer. */
export const pendingRecord = v.object({
  clientId: v.string(),
  baseEpoch: v.number(),
  groupId: v.string(),
  commit: v.string(),
  adds: v.array(v.object({ deviceId: v.string(), ref: v.string() })),
  removes: v.array(v.string()),
  welcome: v.optional(v.string()),
  /** The state it leads to. */
  next: v.string(),
});

const ring = v.array(v.object({ v: v.number(), key: bytesText(32), at: v.number() }));

/** What was kept before there was a largest one may be larger: nothing else of the record may be lost for it. */
const keptExpiry = v.nullable(
  v.pipe(
    v.number(),
    v.transform((ms) => Math.min(ms, MAX_EXPIRY_MS)),
  ),
);

const settingsRecord = v.object({
  ...conversationSettings.entries,
  expireAfterMs: v.optional(keptExpiry, null),
});

/** What a conversation's members share besides their group: keys of its archive, and how it is kept. */
export const ringsRecord = v.object({
  history: ring,
  search: ring,
  /** Absent while this device, which came late, was not told. */
  settings: v.optional(settingsRecord),
  /** Epochs from which on only newer keys may be used: somebody left who knows the present ones. 0 if nobody did. */
  rotate: v.object({ history: v.number(), search: v.number() }),
  /** Under which identity this device knows each person here, and since when (0: from the beginning). */
  people: v.array(v.object({ userId: v.string(), since: v.number(), at: v.number() })),
});

/** What this device has to tell the others of a conversation, in order. The first one is on its way if it has `wire`. */
export const controlsRecord = v.array(
  v.object({
    clientId: v.string(),
    wants: v.variant('is', [
      v.object({ is: v.literal('keys'), why: v.picklist(['due', 'joined', 'asked']) }),
      v.object({ is: v.literal('keys_request') }),
      v.object({ is: v.literal('settings'), ...settingsChange.entries, expireAfterMs: v.optional(keptExpiry) }),
    ]),
    /** Once encrypted, exactly these bytes are sent until there is an answer; `content` takes effect with the entry. */
    wire: v.optional(v.object({ epoch: v.number(), mls: v.string(), content: v.string() })),
    content: v.optional(bytesText()),
  }),
);

export type IdentityRecord = v.InferOutput<typeof identityRecord>;
export type RecoveryRecord = v.InferOutput<typeof recoveryRecord>;
export type UserRecord = v.InferOutput<typeof userRecord>;
export type GroupRecord = v.InferOutput<typeof groupRecord>;
export type Unsafe = v.InferOutput<typeof unsafe>;
export type PendingCommit = v.InferOutput<typeof pendingRecord>;
export type PendingControl = v.InferOutput<typeof controlsRecord>[number];

const root = 'e2ee/';
export const keys = {
  identity: `${root}identity`,
  recovery: `${root}recovery`,
  packages: `${root}package/`,
  package: (ref: Uint8Array) => `${root}package/${toBase64url(ref)}`,
  user: (userId: string) => `${root}user/${userId}`,
  group: (conversationId: string) => `${root}group/${conversationId}`,
  groups: `${root}group/`,
  pending: (conversationId: string) => `${root}pending/${conversationId}`,
  rings: (conversationId: string) => `${root}keys/${conversationId}`,
  allRings: `${root}keys/`,
  controls: (conversationId: string) => `${root}control/${conversationId}`,
  allControls: `${root}control/`,
} as const;

const asText = (_: string, part: unknown): unknown => (part instanceof Uint8Array ? toBase64url(part) : part);

/** A change that keeps a record with bytes in it. */
export const put = (key: string, value: unknown): Change => ({ key, value: JSON.parse(JSON.stringify(value, asText)) });

export const putPackage = (bundle: KeyPackageBundle): Change => put(keys.package(bundle.ref), bundle);

export const stateText = (engine: E2eeEngine, state: GroupState): string =>
  toBase64url(encodeSavedState(engine.save(state)));

export const stateOf = (engine: E2eeEngine, text: string): GroupState =>
  engine.restore(decodeSavedState(fromBase64url(text)));
