import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMlsMessage, encodeMlsMessage } from 'ts-mls';
import { initializeEpoch } from 'ts-mls/keySchedule.js';
import { utf8 } from './bytes.ts';
import { generateSigningKey } from './ed25519.ts';
import { E2eeError } from './error.ts';
import {
  type Device,
  hasCode,
  immortalPackage,
  leafSwap,
  newDevice,
  newUser,
  pathlessRemove,
  savedState,
  testEngine,
  text,
} from './testing.ts';
import { fastSuite } from './ts-mls-crypto.ts';
import { createTsMlsEngine } from './ts-mls-engine.ts';

const aad = utf8('bound');

/** Alice with two devices, Bob with one, all in one group at epoch 1. */
async function threeDevices() {
  const { engine, allow, refuse } = await testEngine();
  const alice = newUser();
  const bob = newUser();
  const [a1, a2, b1] = await Promise.all([newDevice(engine, alice), newDevice(engine, alice), newDevice(engine, bob)]);
  for (const device of [a1, a2, b1]) allow(device);
  a1.state = await engine.createGroup(a1.signer, utf8('conversation/1'));
  const made = await engine.commit(a1.state, { adds: [a2.package.message, b1.package.message] });
  a1.state = made.state;
  assert.ok(made.welcome);
  for (const device of [a2, b1]) {
    device.state = (await engine.join(device.signer, made.welcome, [device.package])).state;
  }
  const send = async (from: Device, body: string) => {
    const sent = await engine.encrypt(from.now(), utf8(body), aad);
    from.state = sent.state;
    return sent.message;
  };
  const receive = async (at: Device, message: Uint8Array) => {
    const got = await engine.process(at.now(), message);
    at.state = got.state;
    return got.kind === 'application' ? text(got.plaintext) : got.kind;
  };
  return { engine, allow, refuse, a1, a2, b1, send, receive };
}

test('one commit adds two devices and one ciphertext is read by both, with its sender and authenticated data', async () => {
  const { engine, a1, a2, b1, send } = await threeDevices();
  assert.deepEqual(engine.epochAuthenticator(a1.now()), engine.epochAuthenticator(b1.now()));
  const message = await send(a1, 'hello');
  for (const device of [a2, b1]) {
    const got = await engine.process(device.now(), message);
    assert.ok(got.kind === 'application');
    assert.equal(text(got.plaintext), 'hello');
    assert.equal(got.sender.deviceId, a1.signer.deviceId);
    assert.equal(got.sender.userId, a1.signer.userId);
    assert.deepEqual(got.authenticatedData, aad);
    assert.equal(got.epoch, 1);
  }
});

test('messages read out of order are read once each, and a tampered one harms nothing', async () => {
  const { engine, a1, b1, send, receive } = await threeDevices();
  const messages: Uint8Array[] = [];
  for (let i = 0; i < 5; i++) messages.push(await send(b1, `m${i}`));
  for (const i of [4, 0, 3, 1, 2]) assert.equal(await receive(a1, messages[i] as Uint8Array), `m${i}`);
  await assert.rejects(receive(a1, messages[2] as Uint8Array), hasCode('replayed'));
  const intact = await send(b1, 'intact');
  for (const at of [intact.length - 3, intact.length - 90, 40]) {
    const broken = Uint8Array.from(intact);
    broken[at] = (broken[at] ?? 0) ^ 1;
    await assert.rejects(engine.process(a1.now(), broken), E2eeError);
  }
  assert.equal(await receive(a1, intact), 'intact');
});

test('changed authenticated data makes the message unreadable', async () => {
  const { engine, a1, b1, send } = await threeDevices();
  const message = await send(b1, 'bound');
  const [decoded] = decodeMlsMessage(message, 0) ?? [];
  assert.ok(decoded?.wireformat === 'mls_private_message');
  const moved = encodeMlsMessage({
    ...decoded,
    privateMessage: { ...decoded.privateMessage, authenticatedData: utf8('moved') },
  });
  await assert.rejects(engine.process(a1.now(), moved), hasCode('undecryptable'));
});

test('a message of the former epoch is read after the commit; one of the next epoch waits for its commit', async () => {
  const { engine, a1, a2, b1, send, receive } = await threeDevices();
  const late = await send(b1, 'late');
  const renewed = await engine.commit(a1.now(), {});
  a1.state = renewed.state;
  const early = await send(a1, 'early');
  await assert.rejects(receive(a2, early), hasCode('future_epoch'));
  assert.equal(await receive(a2, renewed.commit), 'commit');
  assert.equal(await receive(a2, early), 'early');
  assert.equal(await receive(a2, late), 'late');
  await assert.rejects(receive(a2, renewed.commit), hasCode('past_epoch'));
});

test('of two racing commits the loser is dropped and the group goes on from the winner', async () => {
  const { engine, a1, a2, b1, send, receive } = await threeDevices();
  const winner = await engine.commit(b1.now(), {});
  await engine.commit(a1.now(), {}); // never adopted
  b1.state = winner.state;
  await receive(a1, winner.commit);
  await receive(a2, winner.commit);
  const again = await engine.commit(a1.now(), {});
  a1.state = again.state;
  await receive(b1, again.commit);
  await receive(a2, again.commit);
  assert.deepEqual(
    [a1, a2, b1].map((device) => device.now().epoch),
    [3, 3, 3],
  );
  assert.equal(await receive(b1, await send(a2, 'one line')), 'one line');
});

test('a state survives being saved, restored, and the saved bytes being wiped', async () => {
  const { engine, a1, b1, send, receive } = await threeDevices();
  const skipped = await send(b1, 'skipped');
  await receive(a1, await send(b1, 'read'));
  const saved = engine.save(a1.now());
  assert.deepEqual([saved.engine, saved.version], ['ts-mls', 1]);
  a1.state = engine.restore(saved);
  const got = await engine.process(a1.now(), skipped);
  got.erase();
  saved.bytes.fill(0);
  a1.state = got.state;
  assert.equal(await receive(b1, await send(a1, 'still here')), 'still here');
  assert.throws(() => engine.restore({ ...saved, version: 2 }), hasCode('malformed'));
  assert.throws(() => engine.restore({ ...saved, bytes: new Uint8Array(7) }), hasCode('malformed'));
});

test('after a single remove the evicted device cannot derive the next epoch nor read what follows', async () => {
  const { engine, a1, a2, b1, send, receive } = await threeDevices();
  const suite = await fastSuite();
  const evicted = a2.now();
  const removal = await engine.commit(b1.now(), { removes: [a2.signer.deviceId] });
  b1.state = removal.state;
  assert.deepEqual(
    removal.removed.map(({ deviceId }) => deviceId),
    [a2.signer.deviceId],
  );
  const [decoded] = decodeMlsMessage(removal.commit, 0) ?? [];
  assert.ok(decoded?.wireformat === 'mls_public_message' && decoded.publicMessage.content.contentType === 'commit');
  assert.ok(decoded.publicMessage.content.commit.path, 'the commit carries an UpdatePath');
  await receive(a1, removal.commit);
  await receive(a2, removal.commit);
  assert.equal(a2.now().status, 'removed');
  await assert.rejects(engine.encrypt(a2.now(), utf8('x'), aad), hasCode('not_a_member'));
  const after = await send(b1, 'after');
  assert.equal(await receive(a1, after), 'after');
  await assert.rejects(engine.process(evicted, after), hasCode('future_epoch'));
  await assert.rejects(engine.process(a2.now(), after), E2eeError);

  // Without a path the next epoch would follow from what the evicted device knows and public data.
  const peek = (state: ReturnType<Device['now']>) => savedState(engine.save(state).bytes);
  const known = peek(evicted);
  const next = peek(b1.now());
  const zero = new Uint8Array(32);
  const guess = await initializeEpoch(known.keySchedule.initSecret, zero, next.groupContext, zero, suite.kdf);
  assert.notDeepEqual(guess.keySchedule.exporterSecret, next.keySchedule.exporterSecret);
});

test('a commit that removes someone without an UpdatePath is refused', async () => {
  const { engine, a1, a2, b1 } = await threeDevices();
  const removal = await pathlessRemove(engine, b1, a2);
  await assert.rejects(engine.process(a1.now(), removal), hasCode('refused'));
});

test('a device that the server injects is refused when added, and a group that contains it is not joined', async () => {
  const { engine, allow, refuse, a1, b1 } = await threeDevices();
  const ghost = await newDevice(engine, a1.signer.userId);
  await assert.rejects(engine.commit(b1.now(), { adds: [ghost.package.message] }), hasCode('unvouched'));
  allow(ghost); // as a deceived or malicious committer would
  const bad = await engine.commit(b1.now(), { adds: [ghost.package.message] });
  refuse(ghost);
  const header = engine.inspect(bad.commit);
  assert.ok(header.kind === 'commit' && header.epoch === 1 && header.removes.length === 0);
  const { userId, deviceId, publicKey } = ghost.signer;
  assert.deepEqual(header.adds, [{ userId, deviceId, signatureKey: publicKey }]);
  await assert.rejects(engine.process(a1.now(), bad.commit), hasCode('unvouched'));
  const late = await newDevice(engine, a1.signer.userId);
  allow(late);
  allow(ghost);
  const invited = await engine.commit(bad.state, { adds: [late.package.message] });
  refuse(ghost);
  assert.ok(invited.welcome);
  await assert.rejects(engine.join(late.signer, invited.welcome, [late.package]), hasCode('unvouched'));
});

test('leaves without a proper identity, foreign welcomes, other groups and rubbish are refused', async () => {
  const { engine, allow, a1, b1, send } = await threeDevices();
  await assert.rejects(newDevice(engine, 'not-a-uuid'), RangeError);
  await assert.rejects(engine.commit(a1.now(), { removes: [crypto.randomUUID()] }), hasCode('refused'));
  const stranger = await newDevice(engine, newUser());
  allow(stranger);
  const invited = await engine.commit(a1.now(), { adds: [stranger.package.message] });
  assert.ok(invited.welcome);
  await assert.rejects(engine.join(b1.signer, invited.welcome, [b1.package]), hasCode('not_for_us'));
  const elsewhere = await engine.createGroup(b1.signer, utf8('conversation/2'));
  await assert.rejects(engine.process(elsewhere, await send(a1, 'x')), hasCode('wrong_group'));
  await assert.rejects(engine.process(a1.now(), invited.welcome), hasCode('malformed'));
  await assert.rejects(engine.process(a1.now(), Uint8Array.of(1, 2, 3)), hasCode('malformed'));
  const trailing = new Uint8Array([...(await send(b1, 'x')), 0]);
  await assert.rejects(engine.process(a1.now(), trailing), hasCode('malformed'));
});

test('a last-resort package is marked as one, and the header of each kind of message is readable without keys', async () => {
  const { engine, a1, send } = await threeDevices();
  const last = await engine.createKeyPackage(a1.signer, { lastResort: true });
  const [decoded] = decodeMlsMessage(last.message, 0) ?? [];
  assert.ok(decoded?.wireformat === 'mls_key_package');
  assert.deepEqual(
    decoded.keyPackage.extensions.map(({ extensionType }) => extensionType),
    [0x000a],
  );
  assert.deepEqual(engine.inspect(last.message), {
    kind: 'key_package',
    userId: a1.signer.userId,
    deviceId: a1.signer.deviceId,
    signatureKey: a1.signer.publicKey,
  });
  const header = engine.inspect(await send(a1, 'x'));
  assert.ok(header.kind === 'application' && header.epoch === 1);
});

test('a rolled-back sender is noticed by the receiver and harms only its own message', async () => {
  const { engine, a1, b1, send, receive } = await threeDevices();
  const before = engine.save(b1.now());
  await receive(a1, await send(b1, 'sent, then forgotten'));
  b1.state = engine.restore(before);
  await assert.rejects(receive(a1, await send(b1, 'reuses the key')), hasCode('replayed'));
  assert.equal(await receive(a1, await send(b1, 'goes on')), 'goes on');
});

test('a member whose key package ran out long ago does not keep others from joining', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 200 * 86_400_000 });
  const { engine, allow, a1 } = await threeDevices();
  t.mock.timers.reset();
  const late = await newDevice(engine, newUser());
  allow(late);
  const invited = await engine.commit(a1.now(), { adds: [late.package.message] });
  assert.ok(invited.welcome);
  const joined = await engine.join(late.signer, invited.welcome, [late.package]);
  assert.equal(engine.members(joined.state).length, 4);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 200 * 86_400_000 });
  const stale = await newDevice(engine, newUser());
  t.mock.timers.reset();
  allow(stale);
  await assert.rejects(engine.commit(a1.now(), { adds: [stale.package.message] }), hasCode('refused'));
});

test('a commit cannot put another key at a leaf, nor add a package that lives too long', async () => {
  const { engine, a1, b1 } = await threeDevices();
  const other = { ...b1.signer, ...(await generateSigningKey()) };
  const anyone = await createTsMlsEngine(() => true); // as if the other key were vouched for as well
  const swapped = await leafSwap(engine, b1, other);
  const before = anyone.restore(engine.save(a1.now()));
  await assert.rejects(anyone.process(before, swapped), (error) => {
    assert.match(String(error), /changed who sits at a leaf/);
    return hasCode('refused')(error);
  });
  const honest = await engine.commit(b1.now(), {});
  assert.equal((await anyone.process(before, honest.commit)).kind, 'commit');
  const guest = await newDevice(engine, newUser());
  await assert.rejects(anyone.commit(before, { adds: [await immortalPackage(guest)] }), hasCode('refused'));
});

test('a verifying key of a wrong length verifies nothing', async () => {
  const { verify, sign } = await import('./ed25519.ts');
  const key = await generateSigningKey();
  const signature = await sign(key.privateKey, aad);
  assert.equal(await verify(key.publicKey, aad, signature), true);
  assert.equal(await verify(key.publicKey.subarray(1), aad, signature), false);
  assert.equal(await verify(key.publicKey, aad, signature.subarray(1)), false);
  assert.equal(await verify(key.publicKey, utf8('other'), signature), false);
});
