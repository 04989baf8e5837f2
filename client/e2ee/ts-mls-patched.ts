import type { CiphersuiteImpl } from 'ts-mls';
import { validateRatchetTree } from 'ts-mls/clientState.js';
import { pathToRoot } from 'ts-mls/pathSecrets.js';
import { addLeafNode, type Node, type RatchetTree } from 'ts-mls/ratchetTree.js';
import { toNodeIndex } from 'ts-mls/treemath.js';
import { E2eeError } from './error.ts';

const key = (seed: number): Uint8Array => new Uint8Array(32).fill(seed);

const leaf = (seed: number): Node & { nodeType: 'leaf' } => ({
  nodeType: 'leaf',
  leaf: {
    leafNodeSource: 'key_package',
    hpkePublicKey: key(seed),
    signaturePublicKey: key(seed),
    credential: { credentialType: 'basic', identity: new Uint8Array() },
    capabilities: { versions: ['mls10'], ciphersuites: [], extensions: [], proposals: [], credentials: ['basic'] },
    lifetime: { notBefore: 0n, notAfter: 1n << 62n },
    extensions: [],
    signature: new Uint8Array(),
  },
});

const parent = (seed: number, unmergedLeaves: number[]): Node => ({
  nodeType: 'parent',
  parent: { hpkePublicKey: key(seed), parentHash: new Uint8Array(), unmergedLeaves },
});

/** Four leaves of which the first two are gone, after a commit by one of the others. */
export const halfEmpty: RatchetTree = [undefined, undefined, undefined, undefined, leaf(1), parent(9, []), leaf(2)];

/**
 * Watches the library do what only the patched one does, so that an install without its patch step (or a bundle of
 * the wrong copy) stops at start and not when a valid group refuses its third member. Looking at the behaviour works
 * in a minified bundle too.
 */
export async function assertPatched(suite: CiphersuiteImpl): Promise<void> {
  const tree: RatchetTree = [undefined, parent(9, [1]), leaf(2)];
  const [grown] = addLeafNode(tree, leaf(1).leaf);
  const node = grown[1];
  const sorted = node?.nodeType === 'parent' && node.parent.unmergedLeaves.join() === '0,1';

  // A valid tree whose root lists one more unmerged leaf than the node below it.
  const nested: RatchetTree = [leaf(1), parent(11, [1]), leaf(2), parent(13, [1, 3]), leaf(3), undefined, leaf(4)];
  const yes: CiphersuiteImpl = { ...suite, signature: { ...suite.signature, verify: async () => true } };
  const verdict = await validateRatchetTree(
    nested,
    {
      version: 'mls10',
      cipherSuite: suite.name,
      groupId: new Uint8Array(),
      epoch: 0n,
      treeHash: new Uint8Array(),
      confirmedTranscriptHash: new Uint8Array(),
      extensions: [],
    },
    { maximumTotalLifetime: 1n << 62n, validateLifetimeOnReceive: false },
    { validateCredential: async () => true },
    new Uint8Array(),
    yes,
  );
  const validates = verdict !== undefined && !verdict.message.includes('unmerged_leaves');

  // A blank root, whose other half is empty, is on nobody's filtered direct path.
  const path = await pathToRoot(halfEmpty, toNodeIndex(5), key(1), suite.kdf);
  if (!sorted || !validates || Object.keys(path).join() !== '5') {
    throw new E2eeError(
      'unpatched',
      'ts-mls is installed without its patch, so encryption would fail: run `npx patch-package` (patches/ts-mls+1.6.4.patch) and start again.',
    );
  }
}
