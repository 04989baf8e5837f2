import assert from 'node:assert/strict';
import { test } from 'node:test';
import type * as mls from 'ts-mls';
import { type Commit, type CommitAdd, readCommit } from './commit.ts';
import { type CommitClaim, judgeCommit } from './judge-commit.ts';
import { type Leaf, leafOf } from './leaves.ts';
import {
  addOf,
  conversationId,
  type Device,
  follow,
  join,
  makeCommit,
  makeDevice,
  makeGroup,
  makePack,
  type Pack,
  refuses,
  removeOf,
} from './testing.ts';
import { checkWelcome } from './welcome.ts';

const [alice, bob, carol, dave] = await Promise.all([makeDevice(1), makeDevice(2), makeDevice(3), makeDevice(4)]);
const first = await makeCommit(await makeGroup(alice), [addOf(await makePack(bob)), addOf(await makePack(carol))]);
const second = await makeCommit(first.state, [removeOf(1), addOf(await makePack(dave))]);
const commit = readCommit(second.commit);
const leaves: Leaf[] = [alice, bob, carol].map(({ deviceId }, leafIndex) => ({ leafIndex, deviceId }));
const senderOf = ({ userId, deviceId, keys }: Device) => ({ userId, deviceId, deviceKey: keys.publicKey });
const declared = ({ adds }: Commit) => adds.map(({ deviceId, ref }: CommitAdd) => ({ deviceId, ref }));

const claim: CommitClaim = {
  groupId: { conversationId, generation: 0 },
  baseEpoch: 1,
  leaves,
  sender: senderOf(alice),
  adds: declared(commit),
  removes: [bob.deviceId],
};

test('a commit that is what it was declared to be gives the group afterwards and who comes and goes', () => {
  const [add] = commit.adds;
  assert.deepEqual(judgeCommit(commit, claim), {
    leaves: [alice, dave, carol].map(({ deviceId }, leafIndex) => ({ leafIndex, deviceId })),
    adds: [{ leafIndex: 1, deviceId: dave.deviceId, userId: dave.userId, ref: add?.ref }],
    removes: [{ leafIndex: 1, deviceId: bob.deviceId }],
  });
});

test('a commit for another conversation, another generation or another epoch is refused', () => {
  refuses('wrong_group', () =>
    judgeCommit(commit, { ...claim, groupId: { conversationId: alice.userId, generation: 0 } }),
  );
  refuses('wrong_group', () => judgeCommit(commit, { ...claim, groupId: { conversationId, generation: 1 } }));
  refuses('wrong_epoch', () => judgeCommit(commit, { ...claim, baseEpoch: 0 }));
  refuses('wrong_epoch', () => judgeCommit(commit, { ...claim, baseEpoch: 2 }));
});

test('a commit from a leaf that is not the leaf of the device that sends it is refused', () => {
  refuses('wrong_sender', () => judgeCommit(commit, { ...claim, sender: senderOf(carol) }));
  refuses('wrong_sender', () => judgeCommit(commit, { ...claim, sender: senderOf(dave) }));
  refuses('wrong_sender', () => judgeCommit(commit, { ...claim, leaves: [] }));
});

test('removes that are not exactly those declared are refused', () => {
  refuses('removes_differ', () => judgeCommit(commit, { ...claim, removes: [] }));
  refuses('removes_differ', () => judgeCommit(commit, { ...claim, removes: [carol.deviceId] }));
  refuses('removes_differ', () => judgeCommit(commit, { ...claim, removes: [bob.deviceId, carol.deviceId] }));
  refuses('removes_differ', () => judgeCommit(commit, { ...claim, removes: [bob.deviceId, bob.deviceId] }));
  refuses('unknown_leaf', () => judgeCommit({ ...commit, removes: [3] }, claim));
});

test('adds that are not exactly those declared are refused', () => {
  const [add] = claim.adds;
  assert.ok(add);
  refuses('adds_differ', () => judgeCommit(commit, { ...claim, adds: [] }));
  refuses('adds_differ', () => judgeCommit(commit, { ...claim, adds: [add, add] }));
  refuses('adds_differ', () => judgeCommit(commit, { ...claim, adds: [{ ...add, ref: Buffer.alloc(32) }] }));
  refuses('adds_differ', () => judgeCommit(commit, { ...claim, adds: [{ ...add, deviceId: carol.deviceId }] }));
  refuses('adds_differ', () => judgeCommit({ ...commit, adds: [] }, claim));
});

test('an add of a device that is in the group is refused, unless the same commit removes it', () => {
  const [add] = commit.adds;
  assert.ok(add);
  const adding = (who: Device) => ({ ...commit, adds: [{ ...add, deviceId: who.deviceId }] });
  const declaring = (who: Device) => ({ ...claim, adds: [{ deviceId: who.deviceId, ref: add.ref }] });
  refuses('already_member', () => judgeCommit(adding(carol), declaring(carol)));
  assert.equal(judgeCommit(adding(bob), declaring(bob)).leaves.length, 3);
});

test('a path that turns the leaf of its sender into another, or is signed for another place, is refused', async () => {
  const { pathLeaf } = commit;
  assert.ok(pathLeaf);
  refuses('wrong_identity', () => judgeCommit({ ...commit, pathLeaf: { ...pathLeaf, deviceId: bob.deviceId } }, claim));
  refuses('wrong_identity', () => judgeCommit({ ...commit, pathLeaf: { ...pathLeaf, userId: bob.userId } }, claim));
  refuses('wrong_signature_key', () =>
    judgeCommit({ ...commit, pathLeaf: { ...pathLeaf, signatureKey: bob.keys.publicKey } }, claim),
  );
  const signature = Buffer.from(pathLeaf.signature).fill(1, 0, 1);
  refuses('bad_leaf_signature', () => judgeCommit({ ...commit, pathLeaf: { ...pathLeaf, signature } }, claim));

  const elsewhere = await makeCommit(await makeGroup(alice, 1), []);
  const moved = { ...commit, pathLeaf: readCommit(elsewhere.commit).pathLeaf };
  refuses('bad_leaf_signature', () => judgeCommit(moved, claim));
  const swapped = leaves.map((leaf) => ({
    ...leaf,
    deviceId: leaf.leafIndex === 2 ? alice.deviceId : `${leaf.leafIndex}`,
  }));
  refuses('bad_leaf_signature', () => judgeCommit({ ...commit, senderLeaf: 2 }, { ...claim, leaves: swapped }));
});

type Member = { readonly device: Device; state: mls.ClientState };

function random(seed: number): (below: number) => number {
  let state = seed * 2654435761;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

function leavesOf(state: mls.ClientState, names: ReadonlyMap<string, string>): Leaf[] {
  return state.ratchetTree.flatMap((node, index) => {
    if (node?.nodeType !== 'leaf') return [];
    return [
      {
        leafIndex: index / 2,
        deviceId: names.get(Buffer.from(node.leaf.signaturePublicKey).toString('hex')) ?? 'unknown',
      },
    ];
  });
}

/** Real groups: only some members are played, the others are just leaves. */
for (const seed of [1, 2, 3, 4]) {
  test(`in random walk ${seed} every commit is judged right, and the leaves stay those of the real group`, {
    timeout: 120_000,
  }, async () => {
    const pick = random(seed);
    const names = new Map<string, string>();
    let made = seed * 1000;
    const invite = async (): Promise<{ device: Device; pack: Pack }> => {
      const invited = await makeDevice(made++);
      names.set(Buffer.from(invited.keys.publicKey).toString('hex'), invited.deviceId);
      return { device: invited, pack: await makePack(invited) };
    };
    const creator = (await invite()).device;
    let played: Member[] = [{ device: creator, state: await makeGroup(creator) }];
    let books: readonly Leaf[] = [{ leafIndex: 0, deviceId: creator.deviceId }];

    for (let epoch = 0; epoch < 20; epoch += 1) {
      const sender = played[pick(played.length)];
      assert.ok(sender);
      const invited = await Promise.all(Array.from({ length: pick(4) }, invite));
      const removable = books.filter((leaf) => leaf.deviceId !== sender.device.deviceId);
      const gone = removable.filter(() => pick(4) === 0);
      const proposals = [...invited.map(({ pack }) => addOf(pack)), ...gone.map((leaf) => removeOf(leaf.leafIndex))];
      if (pick(2) === 0) proposals.reverse();
      const { commit: bytes, welcome, state } = await makeCommit(sender.state, proposals);

      const read = readCommit(bytes);
      const judged = judgeCommit(read, {
        groupId: { conversationId, generation: 0 },
        baseEpoch: epoch,
        leaves: books,
        sender: senderOf(sender.device),
        adds: declared(read).toReversed(),
        removes: gone.map((leaf) => leaf.deviceId),
      });
      assert.deepEqual(
        judged.adds.map((add) => add.deviceId).sort(),
        invited.map((entry) => entry.device.deviceId).sort(),
      );
      assert.equal(read.pathLeaf !== undefined, gone.length > 0 || proposals.length === 0);
      if (welcome)
        checkWelcome(
          welcome,
          judged.adds.map((add) => add.ref),
        );
      books = judged.leaves;
      assert.deepEqual(books, leavesOf(state, names), `epoch ${epoch}`);

      const [newcomer] = invited;
      sender.state = state;
      played = played.filter((member) => books.some((leaf) => leaf.deviceId === member.device.deviceId));
      for (const member of played) if (member !== sender) member.state = await follow(member.state, bytes);
      if (newcomer && welcome && played.length < 3)
        played.push({ device: newcomer.device, state: await join(welcome, newcomer.pack) });
      for (const { device, state: own } of played) {
        assert.equal(leafOf(books, device.deviceId)?.leafIndex, own.privatePath.leafIndex);
      }
    }
  });
}
