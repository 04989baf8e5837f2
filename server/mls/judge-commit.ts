import { groupIdBytes } from '../../protocol/identity.ts';
import type { Commit } from './commit.ts';
import type { GroupId } from './group-id.ts';
import type { LeafNode } from './leaf-node.ts';
import { applyCommit, type Leaf, leafOf } from './leaves.ts';
import { ensure, MlsError } from './mls-error.ts';
import { importKey, isSignedWithLabel } from './signatures.ts';
import { writeVector } from './tls.ts';

/** What the server knows and what the sender declared beside the commit. Ids in lower case. */
export type CommitClaim = {
  readonly groupId: GroupId;
  readonly baseEpoch: number;
  /** The group as it is in `baseEpoch`. */
  readonly leaves: readonly Leaf[];
  readonly sender: { readonly userId: string; readonly deviceId: string; readonly deviceKey: Uint8Array };
  readonly adds: readonly { readonly deviceId: string; readonly ref: Uint8Array }[];
  readonly removes: readonly string[];
};

/** A device that the commit adds, where it will sit, and of whom: the ref must be one claimed for that device. */
export type PlacedAdd = Leaf & { readonly userId: string; readonly ref: Buffer };

/** The outcome of a commit for the server's books. */
export type JudgedCommit = {
  /** The whole group afterwards. */
  readonly leaves: readonly Leaf[];
  readonly adds: readonly PlacedAdd[];
  readonly removes: readonly Leaf[];
};

/**
 * Refuses a commit that isn't for this group and epoch, isn't from this device's leaf, or whose adds and removes
 * aren't those declared; otherwise says what it changes. What it leaves to the caller, who has the tables: that each
 * `ref` was claimed for its device, that the added users belong to the conversation, and that the sender may change
 * it.
 */
export function judgeCommit(commit: Commit, claim: CommitClaim): JudgedCommit {
  const { groupId, leaves, sender } = claim;
  ensure(commit.groupId.conversationId === groupId.conversationId, 'wrong_group');
  ensure(commit.groupId.generation === groupId.generation, 'wrong_group');
  ensure(commit.epoch === claim.baseEpoch, 'wrong_epoch');
  ensure(leafOf(leaves, sender.deviceId)?.leafIndex === commit.senderLeaf, 'wrong_sender');
  if (commit.pathLeaf) checkPathLeaf(commit.pathLeaf, commit, sender);

  const removes = commit.removes.map((leafIndex) => occupied(leaves, leafIndex));
  ensure(
    sameSet(
      removes.map((leaf) => leaf.deviceId),
      claim.removes,
    ),
    'removes_differ',
  );
  const declared = claim.adds.map(({ deviceId, ref }) => `${deviceId} ${hex(ref)}`);
  ensure(
    sameSet(
      commit.adds.map(({ deviceId, ref }) => `${deviceId} ${hex(ref)}`),
      declared,
    ),
    'adds_differ',
  );

  const after = applyCommit(
    leaves,
    commit.removes,
    commit.adds.map((add) => add.deviceId),
  );
  const adds = commit.adds.map(({ userId, deviceId, ref }) => ({ ...placed(after, deviceId), userId, ref }));
  return { leaves: after, adds, removes };
}

/** A commit may renew its sender's leaf, but not turn it into another device's, or into one under another key. */
function checkPathLeaf(leaf: LeafNode, commit: Commit, sender: CommitClaim['sender']): void {
  ensure(leaf.userId === sender.userId && leaf.deviceId === sender.deviceId, 'wrong_identity');
  ensure(Buffer.compare(leaf.signatureKey, sender.deviceKey) === 0, 'wrong_signature_key');
  const leafIndex = Buffer.alloc(4);
  leafIndex.writeUInt32BE(commit.senderLeaf);
  const groupId = groupIdBytes(commit.groupId.conversationId, commit.groupId.generation);
  const signed = Buffer.concat([leaf.signedPart, writeVector(groupId), leafIndex]);
  ensure(isSignedWithLabel(importKey(sender.deviceKey), 'LeafNodeTBS', signed, leaf.signature), 'bad_leaf_signature');
}

function occupied(leaves: readonly Leaf[], leafIndex: number): Leaf {
  const leaf = leaves.find((candidate) => candidate.leafIndex === leafIndex);
  if (!leaf) throw new MlsError('unknown_leaf');
  return leaf;
}

function placed(leaves: readonly Leaf[], deviceId: string): Leaf {
  const leaf = leafOf(leaves, deviceId);
  if (!leaf) throw new MlsError('adds_differ');
  return leaf;
}

/** Whether two lists hold the same strings, each once, in any order. */
function sameSet(actual: readonly string[], declared: readonly string[]): boolean {
  const set = new Set(declared);
  return set.size === declared.length && actual.length === set.size && actual.every((entry) => set.has(entry));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
