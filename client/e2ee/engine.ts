/**
 * What the SDK needs from a group encryption library (MLS, RFC 9420), in words that belong to no library.
 *
 * Rules for every caller:
 * - A `GroupState` is an immutable value. A step returns the next state and leaves the old one usable until `erase()`.
 * - Persist before send: store `engine.save(next)` durably, then send, then `erase()`. From a rolled-back state the
 *   next message is lost at the receiver, because its key was used already.
 * - On receive: store the plaintext and `engine.save(next)` in ONE transaction, then acknowledge, then `erase()`.
 * - Steps on one group are serialised by the caller.
 */
import type { Bytes } from './bytes.ts';

/** One leaf of the group: the device that sits there and the key it signs with. */
export interface Member {
  readonly userId: string;
  readonly deviceId: string;
  readonly leafIndex: number;
  readonly signatureKey: Uint8Array;
}

/** This device as the engine needs it: who it is, and its Ed25519 key. */
export interface DeviceSigner {
  readonly userId: string;
  readonly deviceId: string;
  readonly publicKey: Uint8Array;
  /** PKCS #8. */
  readonly privateKey: Uint8Array;
}

/** Opaque to everyone but the engine that made it. */
export interface GroupState {
  readonly groupId: Uint8Array;
  readonly epoch: number;
  /** `removed`: this device was evicted; the state can only read messages of epochs it was in. */
  readonly status: 'active' | 'removed';
}

/** A state at rest. Restored only by an engine of the same name that knows the version. */
export interface SavedState {
  readonly engine: string;
  readonly version: number;
  readonly bytes: Bytes;
}

export interface KeyPackageBundle {
  /** RFC 9420 KeyPackageRef: names the package to the server and in welcomes. */
  readonly ref: Bytes;
  /** MLSMessage(KeyPackage), to be published. */
  readonly message: Bytes;
  /** Private half, opaque; kept until the welcome that uses it (a last-resort one: until replaced). */
  readonly secret: Bytes;
  readonly lastResort: boolean;
  /** Seconds since 1970. */
  readonly notAfter: number;
}

export interface Change {
  /** Key packages as they were claimed (MLSMessage bytes). */
  readonly adds?: readonly Uint8Array[];
  /** Device ids to remove. */
  readonly removes?: readonly string[];
}

/**
 * Wipes from memory what this step used up. Call it when the next state is stored: the old state is of no use then.
 * A step that is dropped (a commit that lost its race) must not be erased, because the old state goes on.
 */
export interface Spent {
  erase(): void;
}

/** A commit not yet accepted by the server: on a conflict it is dropped and the old state goes on. */
export interface CommitCandidate extends Spent {
  readonly commit: Bytes;
  /** Present if the commit adds someone. */
  readonly welcome?: Bytes;
  readonly state: GroupState;
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
}

export interface Encrypted extends Spent {
  readonly message: Bytes;
  readonly state: GroupState;
}

export type Processed = Spent &
  (
    | {
        readonly kind: 'application';
        readonly state: GroupState;
        readonly sender: Member;
        readonly epoch: number;
        readonly plaintext: Bytes;
        readonly authenticatedData: Bytes;
      }
    | {
        readonly kind: 'commit';
        readonly state: GroupState;
        readonly sender: Member;
        readonly added: readonly Member[];
        readonly removed: readonly Member[];
      }
  );

/** Who a message says it is of, as far as that is in the clear. */
export type Claimed = Omit<Member, 'leafIndex'>;

export type MessageHeader =
  | { readonly kind: 'application'; readonly groupId: Bytes; readonly epoch: number; readonly authenticatedData: Bytes }
  | {
      readonly kind: 'commit';
      readonly groupId: Bytes;
      /** The epoch it ends. */
      readonly epoch: number;
      readonly senderLeaf: number;
      /** Whom it would add: their users' directories should be fresh before it is processed. */
      readonly adds: readonly Claimed[];
      /** Leaf indexes. */
      readonly removes: readonly number[];
    }
  | { readonly kind: 'welcome'; readonly refs: readonly Bytes[] }
  | ({ readonly kind: 'key_package' } & Claimed);

export interface E2eeEngine {
  readonly name: string;
  readonly version: number;

  /** Makes a key package; publish `message`, keep `secret`. */
  createKeyPackage(device: DeviceSigner, options?: { lastResort?: boolean }): Promise<KeyPackageBundle>;
  /** A group with this device alone in it, at epoch 0. */
  createGroup(device: DeviceSigner, groupId: Uint8Array): Promise<GroupState>;
  /** Adds and removes devices; with neither it renews this device's keys. */
  commit(state: GroupState, change: Change): Promise<CommitCandidate>;
  /** Joins with whichever of our packages the welcome names; `ref` says which, so that it can be deleted. */
  join(
    device: DeviceSigner,
    welcome: Uint8Array,
    packages: readonly KeyPackageBundle[],
  ): Promise<{ state: GroupState; ref: Bytes }>;
  encrypt(state: GroupState, plaintext: Uint8Array, authenticatedData: Uint8Array): Promise<Encrypted>;
  /** Decrypts a message or applies a commit. Rejects with `E2eeError`; then the given state is unchanged and usable. */
  process(state: GroupState, message: Uint8Array): Promise<Processed>;
  members(state: GroupState): readonly Member[];
  self(state: GroupState): Member | undefined;
  /** Equal on all members of an epoch that is not forked; different in each epoch. */
  epochAuthenticator(state: GroupState): Bytes;
  /** Reads what is in the clear. Proves nothing. */
  inspect(message: Uint8Array): MessageHeader;
  save(state: GroupState): SavedState;
  restore(saved: SavedState): GroupState;
}

/** Asked for every leaf of a joined, created or changed group; `false` makes the step fail with `unvouched`. */
export type AcceptLeaf = (leaf: Claimed) => boolean | Promise<boolean>;
