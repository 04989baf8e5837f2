import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as mls from 'ts-mls';
import { readCommit } from './commit.ts';
import { checkKeyPackage } from './key-package.ts';
import * as made from './testing.ts';
import {
  addOf,
  conversationId,
  encode,
  encodePack,
  fuzz,
  makeCommit,
  makePack,
  now,
  refuses,
  removeOf,
} from './testing.ts';

const { makeDevice } = made;
const [alice, bob, carol, dave] = await Promise.all([makeDevice(1), makeDevice(2), makeDevice(3), makeDevice(4)]);
const [bobs, carols, daves] = await Promise.all([makePack(bob), makePack(carol), makePack(dave)]);
const first = await makeCommit(await made.makeGroup(alice, 7), [addOf(bobs), addOf(carols)]);
const mixed = await makeCommit(first.state, [removeOf(1), addOf(daves)]);
const update = await makeCommit(first.state, []);
const refOf = (pack: made.Pack, { userId, deviceId, keys }: made.Device) =>
  checkKeyPackage(encodePack(pack.publicPackage), { userId, deviceId, deviceKey: keys.publicKey, now }).ref;

function decoded(bytes: Buffer): mls.PublicMessage {
  const message = mls.decodeMlsMessage(bytes, 0)?.[0];
  assert.ok(message?.wireformat === 'mls_public_message');
  return message.publicMessage;
}

const wrap = (publicMessage: mls.PublicMessage) =>
  encode({ publicMessage, wireformat: 'mls_public_message', version: 'mls10' });

/**
 * The bytes of a commit with other proposals, or another path, in it. Its signatures no longer fit, which no reader
 * can tell.
 */
function altered(bytes: Buffer, change: { proposals?: readonly unknown[]; path?: unknown }): Buffer {
  const message = decoded(bytes);
  assert.ok(message.content.contentType === 'commit');
  const commit = { ...message.content.commit, ...change } as typeof message.content.commit;
  return wrap({ ...message, content: { ...message.content, commit } } as mls.PublicMessage);
}

const byValue = (proposal: mls.Proposal) => ({ proposalOrRefType: 'proposal', proposal });
const pathOf = (bytes: Buffer) => {
  const { content } = decoded(bytes);
  assert.ok(content.contentType === 'commit' && content.commit.path);
  return content.commit.path;
};

test('a commit that adds says whom, in which order, by which packages, and has no path if there is none', async () => {
  const commit = readCommit(first.commit);
  assert.deepEqual(commit.groupId, { conversationId, generation: 7 });
  assert.deepEqual(
    { epoch: commit.epoch, senderLeaf: commit.senderLeaf, removes: commit.removes },
    { epoch: 0, senderLeaf: 0, removes: [] },
  );
  const expected = [bob, carol].map((device, index) => ({
    userId: device.userId,
    deviceId: device.deviceId,
    signatureKey: Buffer.from(device.keys.publicKey),
    ref: refOf(index === 0 ? bobs : carols, device),
  }));
  assert.deepEqual(commit.adds, expected);
  assert.equal(commit.pathLeaf, undefined);
});

test('a commit that removes and adds says both, and which leaf its sender puts in place', () => {
  const commit = readCommit(mixed.commit);
  assert.deepEqual(commit.removes, [1]);
  assert.deepEqual(
    commit.adds.map((add) => add.deviceId),
    [dave.deviceId],
  );
  assert.equal(commit.epoch, 1);
  assert.equal(commit.pathLeaf?.deviceId, alice.deviceId);
  assert.deepEqual(commit.pathLeaf?.signatureKey, Buffer.from(alice.keys.publicKey));
});

test('an empty commit with a path is accepted, also from another leaf and in a group of one', async () => {
  assert.ok(readCommit(update.commit).pathLeaf);
  assert.ok(first.welcome);
  const bobsState = await made.join(first.welcome, bobs);
  assert.equal(readCommit((await makeCommit(bobsState, [])).commit).senderLeaf, 1);
  assert.ok(readCommit((await makeCommit(await made.makeGroup(alice), [])).commit).pathLeaf);
});

test('the largest group still fits: hundreds of adds in one commit, and the update of them all', {
  timeout: 120_000,
}, async () => {
  const packs = await Promise.all(
    Array.from({ length: 120 }, async (_, index) => makePack(await makeDevice(100 + index))),
  );
  const large = await makeCommit(await made.makeGroup(alice), packs.map(addOf));
  assert.equal(readCommit(large.commit).adds.length, 120);
  const removing = await makeCommit(large.state, [3, 50, 119].map(removeOf));
  assert.deepEqual(readCommit(removing.commit).removes, [3, 50, 119]);
});

test('a remove without a path is refused: the removed device could compute the next epoch', () => {
  refuses('path_required', () => readCommit(altered(mixed.commit, { path: undefined })));
  refuses('path_required', () => readCommit(altered(update.commit, { path: undefined })));
});

test('any proposal but Add and Remove is refused', () => {
  const leafNode = { ...bobs.publicPackage.leafNode, leafNodeSource: 'update' } as mls.LeafNodeUpdate;
  const preSharedKeyId = { psktype: 'external' as const, pskId: Buffer.from('p'), pskNonce: Buffer.alloc(32) };
  const suite = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519' as const;
  const others: mls.Proposal[] = [
    { proposalType: 'update', update: { leafNode } },
    { proposalType: 'psk', psk: { preSharedKeyId } },
    {
      proposalType: 'reinit',
      reinit: { groupId: Buffer.from('g'), version: 'mls10', cipherSuite: suite, extensions: [] },
    },
    { proposalType: 'external_init', externalInit: { kemOutput: Buffer.alloc(32) } },
    { proposalType: 'group_context_extensions', groupContextExtensions: { extensions: [] } },
    { proposalType: 0x0a0a, proposalData: Buffer.from('x') },
  ];
  for (const proposal of others) {
    refuses('forbidden_proposal', () => readCommit(altered(mixed.commit, { proposals: [byValue(proposal)] })));
    refuses('forbidden_proposal', () =>
      readCommit(altered(mixed.commit, { proposals: [byValue(removeOf(1)), byValue(proposal)] })),
    );
  }
});

test('a proposal by reference is refused', () => {
  const reference = { proposalOrRefType: 'reference', reference: Buffer.alloc(32) };
  refuses('proposal_by_reference', () => readCommit(altered(mixed.commit, { proposals: [reference] })));
});

test('an add of another suite, of a foreign credential, and one twice are refused', async () => {
  const suite = { ...made.suiteImpl, name: 'MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519' as const };
  const add = async (options: made.PackOptions) =>
    altered(first.commit, { proposals: [byValue(addOf(await makePack(dave, options)))] });
  const suited = await add({ suite });
  refuses('wrong_suite', () => readCommit(suited));
  const x509 = await add({ credential: { credentialType: 'x509', certificates: [] } });
  refuses('wrong_credential', () => readCommit(x509));
  const nameless = await add({ credential: { credentialType: 'basic', identity: Buffer.from('dave') } });
  refuses('bad_identity', () => readCommit(nameless));
  const again = [byValue(addOf(daves)), byValue(addOf(await makePack(dave)))];
  refuses('duplicate_add', () => readCommit(altered(first.commit, { proposals: again })));
});

test('a leaf removed twice, and a sender that removes itself, are refused', () => {
  refuses('duplicate_remove', () =>
    readCommit(altered(mixed.commit, { proposals: [byValue(removeOf(1)), byValue(removeOf(1))] })),
  );
  refuses('self_remove', () => readCommit(altered(mixed.commit, { proposals: [byValue(removeOf(0))] })));
});

test('more proposals than a group could need are refused', () => {
  const proposals = Array.from({ length: 1001 }, (_, index) => byValue(removeOf(index + 1)));
  refuses('too_many', () => readCommit(altered(mixed.commit, { proposals })));
});

test('a path whose leaf was made for a key package is refused', () => {
  const path = { ...pathOf(mixed.commit), leafNode: bobs.publicPackage.leafNode };
  refuses('wrong_leaf_source', () => readCommit(altered(mixed.commit, { path })));
});

test('a sender outside the group is refused', () => {
  const message = decoded(update.commit);
  const from = (sender: object) =>
    wrap({ ...message, ...sender, content: { ...message.content, sender } } as unknown as mls.PublicMessage);
  refuses('wrong_sender_type', () => readCommit(from({ senderType: 'external', senderIndex: 0 })));
  refuses('wrong_sender_type', () => readCommit(from({ senderType: 'new_member_proposal' })));
  refuses('wrong_sender_type', () => readCommit(from({ senderType: 'new_member_commit' })));
});

test('a proposal on its own, an application message and an encrypted commit are refused', async () => {
  const context = { state: first.state, cipherSuite: made.suiteImpl };
  const proposal = await mls.createProposal(first.state, true, removeOf(1), made.suiteImpl);
  refuses('wrong_content_type', () => readCommit(encode(proposal.message)));
  const hidden = await mls.createCommit(context, { wireAsPublicMessage: false });
  refuses('wrong_wire_format', () => readCommit(encode(hidden.commit)));
  const message = await made.makeMessage(first.state, Buffer.from('x'));
  refuses('wrong_wire_format', () => readCommit(message));
});

test('a commit for something that is no conversation, or from the far future, is refused', async () => {
  const message = decoded(update.commit);
  const changed = (change: object) =>
    wrap({ ...message, content: { ...message.content, ...change } } as mls.PublicMessage);
  refuses('bad_group_id', () => readCommit(changed({ groupId: Buffer.from('conversation') })));
  refuses('bad_epoch', () => readCommit(changed({ epoch: 2n ** 53n })));
  assert.equal(readCommit(changed({ epoch: 2n ** 53n - 1n })).epoch, Number.MAX_SAFE_INTEGER);
  refuses('authenticated_data_too_long', () => readCommit(changed({ authenticatedData: Buffer.alloc(1025) })));
});

test('a commit cut short anywhere, with bytes behind it, or above 256 KiB is refused', () => {
  for (const { commit } of [first, mixed, update]) {
    for (let end = 0; end < commit.length; end += 1)
      assert.equal(
        made.accepts(() => readCommit(commit.subarray(0, end))),
        false,
      );
    refuses('trailing_bytes', () => readCommit(Buffer.concat([commit, Uint8Array.of(0)])));
    refuses('too_large', () => readCommit(Buffer.concat([commit, Buffer.alloc(256 * 1024)])));
  }
});

test('tags and signatures of a wrong length are refused', () => {
  const message = decoded(update.commit);
  refuses('bad_length', () => readCommit(wrap({ ...message, membershipTag: Buffer.alloc(31) } as mls.PublicMessage)));
  refuses('bad_length', () =>
    readCommit(wrap({ ...message, auth: { ...message.auth, signature: Buffer.alloc(63) } } as mls.PublicMessage)),
  );
  refuses('bad_length', () =>
    readCommit(wrap({ ...message, auth: { ...message.auth, confirmationTag: Buffer.alloc(33) } } as mls.PublicMessage)),
  );
});

test('noise and hurt commits are refused or read, nothing else happens', { timeout: 120_000 }, () => {
  for (const { commit } of [first, mixed, update]) fuzz(commit, readCommit, 3000);
});
