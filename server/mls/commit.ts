import { MAX_COMMIT_BYTES } from '../../protocol/commit.ts';
import { type GroupId, readGroupId } from './group-id.ts';
import { readKeyPackage } from './key-package.ts';
import { type LeafNode, readLeafNode } from './leaf-node.ts';
import { maxGroupDevices } from './leaves.ts';
import { ensure, MlsError } from './mls-error.ts';
import { openMessage, readList, type TlsReader } from './tls.ts';

const wireFormat = 1;
const memberSender = 1;
const commitContent = 3;
/** A path has one node per level of the tree, and leaf indexes have 32 bits. */
const mostPathNodes = 32;
/** Every device removed and every device added anew. */
const mostProposals = 2 * maxGroupDevices;

export const maxAuthenticatedDataBytes = 1024;

/** One Add proposal: the device its key package claims to be of, and which package it is. */
export type CommitAdd = {
  readonly userId: string;
  readonly deviceId: string;
  readonly signatureKey: Uint8Array;
  readonly ref: Buffer;
};

/** What a commit says. `judgeCommit` compares it with what its sender declared and with the group. */
export type Commit = {
  readonly groupId: GroupId;
  /** The epoch it ends. */
  readonly epoch: number;
  readonly senderLeaf: number;
  /** In the order of the proposals, which decides the leaves they get. */
  readonly adds: readonly CommitAdd[];
  /** Leaf indexes, before any add. */
  readonly removes: readonly number[];
  /** The leaf its sender puts in place of the old one, where there is an UpdatePath. */
  readonly pathLeaf: LeafNode | undefined;
};

type Proposal =
  | { readonly kind: 'add'; readonly add: CommitAdd }
  | { readonly kind: 'remove'; readonly leafIndex: number };

/**
 * Reads a commit to its last byte: an MLSMessage holding a PublicMessage (RFC 9420 section 6.2) from a member, with
 * Add and Remove by value or no proposal at all. The signature, the confirmation tag and the membership tag are only
 * measured: checking them takes secrets of the group, which its members have.
 */
export function readCommit(message: Uint8Array): Commit {
  const reader = openMessage(message, MAX_COMMIT_BYTES, wireFormat);
  const groupId = readGroupId(reader.vector());
  const epoch = reader.epoch();
  ensure(reader.uint8() === memberSender, 'wrong_sender_type');
  const senderLeaf = reader.uint32();
  ensure(reader.vector().length <= maxAuthenticatedDataBytes, 'authenticated_data_too_long');
  ensure(reader.uint8() === commitContent, 'wrong_content_type');
  const proposals = readList(reader, mostProposals, readProposal);
  const pathLeaf = reader.present() ? readPath(reader) : undefined;
  reader.vector(64); // signature
  reader.vector(32); // confirmation tag
  reader.vector(32); // membership tag
  reader.end();

  const adds = proposals.flatMap((proposal) => (proposal.kind === 'add' ? [proposal.add] : []));
  const removes = proposals.flatMap((proposal) => (proposal.kind === 'remove' ? [proposal.leafIndex] : []));
  // Without fresh secrets from a path, a removed member could compute the next epoch from the last one.
  ensure(pathLeaf !== undefined || (proposals.length > 0 && removes.length === 0), 'path_required');
  ensure(new Set(adds.map((add) => add.deviceId)).size === adds.length, 'duplicate_add');
  ensure(new Set(removes).size === removes.length, 'duplicate_remove');
  ensure(!removes.includes(senderLeaf), 'self_remove');
  return { groupId, epoch, senderLeaf, adds, removes, pathLeaf };
}

function readProposal(reader: TlsReader): Proposal {
  const byValue = reader.uint8();
  ensure(byValue !== 2, 'proposal_by_reference');
  ensure(byValue === 1, 'bad_value');
  switch (reader.uint16()) {
    case 1: {
      const { ref, leaf } = readKeyPackage(reader);
      return {
        kind: 'add',
        add: { userId: leaf.userId, deviceId: leaf.deviceId, signatureKey: leaf.signatureKey, ref },
      };
    }
    case 3:
      return { kind: 'remove', leafIndex: reader.uint32() };
    default:
      throw new MlsError('forbidden_proposal');
  }
}

/**
 * UpdatePath (RFC 9420 section 7.6): the sender's new leaf, then per level a key and its secret for each subtree
 * below.
 */
function readPath(reader: TlsReader): LeafNode {
  const leaf = readLeafNode(reader);
  ensure(leaf.source.kind === 'commit', 'wrong_leaf_source');
  readList(reader, mostPathNodes, (node) => {
    node.vector(32);
    readList(node, maxGroupDevices, skipHpkeCiphertext);
  });
  return leaf;
}

/** HPKECiphertext: kem_output and ciphertext. */
export function skipHpkeCiphertext(reader: TlsReader): void {
  reader.vector(32);
  reader.vector();
}
