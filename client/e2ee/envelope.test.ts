import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat, own, randomBytes, utf8 } from './bytes.ts';
import { contentKinds, encodeContent } from './content.ts';
import {
  authenticatedData,
  type Envelope,
  type MessageToSeal,
  openArchived,
  openMessage,
  type ReceivedMessage,
  sealMessage,
} from './envelope.ts';
import { addKeys, currentKey, type KeyRing, nextKey, rotationDue } from './key-ring.ts';
import { type Device, hasCode, newDevice, newUser, testEngine } from './testing.ts';

async function pair() {
  const { engine, allow } = await testEngine();
  const [alice, bob] = await Promise.all([newDevice(engine, newUser()), newDevice(engine, newUser())]);
  allow(alice);
  allow(bob);
  const made = await engine.commit(await engine.createGroup(alice.signer, utf8('group')), {
    adds: [bob.package.message],
  });
  alice.state = made.state;
  assert.ok(made.welcome);
  bob.state = (await engine.join(bob.signer, made.welcome, [bob.package])).state;
  const conversationId = newUser();
  const ring: KeyRing = [nextKey([], 0)];
  const seal = async (from: Device, changes: Partial<MessageToSeal> = {}) => {
    const message: MessageToSeal = {
      conversationId,
      clientId: newUser(),
      content: { type: 'text', text: 'hello' },
      historyKey: currentKey(ring),
      ...changes,
    };
    const sealed = await sealMessage(engine, from.now(), message);
    from.state = sealed.state;
    return { envelope: sealed.envelope, received: asReceived(from, message, sealed.envelope) };
  };
  return {
    engine,
    alice,
    bob,
    ring,
    seal,
    open: (at: Device, received: ReceivedMessage) => openMessage(engine, at.now(), received),
  };
}

function asReceived(
  from: Device,
  { conversationId, clientId }: MessageToSeal,
  { mls, content, wrap }: Envelope,
): ReceivedMessage {
  return {
    conversationId,
    clientId,
    senderId: from.signer.userId,
    senderDeviceId: from.signer.deviceId,
    mls,
    content,
    wrap,
  };
}

const search = { v: 3, tags: Array.from({ length: 8 }, () => randomBytes(8)) };

test('a sealed message is opened with its sender, its content and its account head', async () => {
  const { alice, bob, seal, open } = await pair();
  const accountHead = randomBytes(32);
  const { envelope, received } = await seal(alice, { search, accountHead });
  assert.equal(envelope.epoch, 1);
  assert.equal(envelope.content.length, 256 + 16);
  assert.equal(envelope.wrap?.ct.length, 40);
  const opened = await open(bob, received);
  assert.deepEqual(opened.content, { type: 'text', text: 'hello' });
  assert.equal(opened.sender.deviceId, alice.signer.deviceId);
  assert.deepEqual(opened.accountHead, accountHead);
  await open(bob, { ...received, search: { v: 3, tags: [...search.tags].reverse() } }); // order says nothing
});

test('no part of an envelope can be moved, stripped or swapped unseen', async () => {
  const { alice, bob, ring, seal, open } = await pair();
  const { received } = await seal(alice, { search });
  const { received: other } = await seal(alice);
  const { content, wrap } = received;
  assert.ok(content && wrap);
  const flipped = own(content);
  flipped[9] = (flipped[9] ?? 0) ^ 1;
  const lies: Partial<ReceivedMessage>[] = [
    { conversationId: newUser() },
    { clientId: newUser() },
    { senderId: bob.signer.userId },
    { senderDeviceId: bob.signer.deviceId },
    { content: flipped },
    { content: other.content },
    { content: undefined },
    { wrap: undefined },
    { wrap: other.wrap },
    { wrap: { ...wrap, v: 2 } },
    { search: { ...search, v: 4 } },
    { search: { v: 3, tags: search.tags.slice(1) } },
  ];
  for (const lie of lies) await assert.rejects(open(bob, { ...received, ...lie }), hasCode('refused'));
  await assert.rejects(openArchived(ring, { ...received, clientId: newUser() }), hasCode('undecryptable'));
  await assert.rejects(
    openArchived(ring, { ...received, senderDeviceId: bob.signer.deviceId }),
    hasCode('undecryptable'),
  );
  await assert.rejects(openArchived(ring, { ...received, content: other.content }), hasCode('undecryptable'));
  await assert.rejects(openArchived(ring, { ...received, content: undefined }), hasCode('malformed'));
  assert.ok(await open(bob, received));
});

test('a content that is not the one announced inside the encrypted message is refused', async () => {
  const { engine, alice, bob, seal, open } = await pair();
  const { received } = await seal(alice);
  // A member's own forgery: its inner message announces a deletion for a text.
  const { sealOnce } = await import('./one-time-aead.ts');
  const { sha256 } = await import('@noble/hashes/sha2.js');
  const { uuidBytes } = await import('../../protocol/identity.ts');
  const key = randomBytes(32);
  const place = concat(
    utf8('sotto-content-v1'),
    ...[received.conversationId, received.clientId, alice.signer.deviceId].map(uuidBytes),
  );
  const content = await sealOnce(key, encodeContent({ type: 'text', text: 'x' }), place);
  const forged = { ...received, content, wrap: undefined };
  const forge = async (kind: number, hash: Uint8Array) => {
    const inner = concat(Uint8Array.of(1, kind), key, hash, Uint8Array.of(0));
    return { ...forged, mls: (await engine.encrypt(alice.now(), inner, authenticatedData(forged))).message };
  };
  await assert.rejects(open(bob, await forge(contentKinds.delete, sha256(content))), hasCode('malformed'));
  await assert.rejects(open(bob, await forge(contentKinds.text, sha256(key))), hasCode('refused'));
  assert.ok(await open(bob, await forge(contentKinds.text, sha256(content))));
});

test('an archived message is read with its history key only; in strict mode by nobody', async () => {
  const { alice, ring, seal } = await pair();
  const { received } = await seal(alice);
  assert.deepEqual(await openArchived(ring, received), { type: 'text', text: 'hello' });
  await assert.rejects(openArchived([], received), hasCode('key_missing'));
  await assert.rejects(openArchived([nextKey([], 0)], received), hasCode('key_missing'));
  const strict = await seal(alice, { historyKey: undefined });
  assert.equal(strict.envelope.wrap, undefined);
  await assert.rejects(openArchived(ring, strict.received), hasCode('key_missing'));
});

test('after a rotation an old key opens nothing newer, and two keys of one version both open what is theirs', async () => {
  const { alice, ring, seal } = await pair();
  const fresh = nextKey(ring, 5);
  assert.equal(fresh.v, 2);
  const { received } = await seal(alice, { historyKey: fresh });
  await assert.rejects(openArchived(ring, received), hasCode('key_missing'));
  const rival = nextKey(ring, 6);
  const both = addKeys(addKeys(ring, [rival], 7), [fresh, fresh], 8);
  assert.equal(both.length, 3);
  assert.deepEqual(currentKey(both)?.key, rival.key, 'the earlier one in the log is used from then on');
  assert.ok(await openArchived(both, received));
});

test('rotation is due without a key, after a removal and after a month', () => {
  const ring = [nextKey([], 1000)];
  assert.equal(rotationDue([], 0, false), true);
  assert.equal(rotationDue(ring, 2000, false), false);
  assert.equal(rotationDue(ring, 2000, true), true);
  assert.equal(rotationDue(ring, 1000 + 30 * 86_400_000, false), true);
});

test('long contents are sealed and opened too', async () => {
  const { alice, bob, ring, seal, open } = await pair();
  const text = 'å'.repeat(20_000);
  const { received } = await seal(alice, { content: { type: 'text', text } });
  assert.deepEqual((await open(bob, received)).content, { type: 'text', text });
  assert.deepEqual(await openArchived(ring, received), { type: 'text', text });
});
