import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from './bytes.ts';
import type { E2eeEngine, GroupState } from './engine.ts';
import { acceptVouched, checkJoined, checkMembers, type Directory, type GroupRules, isFork } from './group-checks.ts';
import { crossSign, type DirectoryDevice, generateAccountKey } from './identity.ts';
import { type Device, hasCode, newDevice, newUser } from './testing.ts';
import { createTsMlsEngine } from './ts-mls-engine.ts';

/** One user as the directory shows it, with the account key that a person would keep at home. */
async function person() {
  const account = await generateAccountKey();
  const userId = newUser();
  const known = { accountKeys: [account.publicKey], devices: [] as DirectoryDevice[], revoked: [] as string[] };
  const vouch = async ({ signer }: Device, by = account) => {
    const crossSig = await crossSign(by, userId, signer.deviceId, signer.publicKey);
    known.devices.push({ deviceId: signer.deviceId, key: signer.publicKey, crossSig });
  };
  return { account, userId, known, vouch };
}

async function direct() {
  const [alice, bob] = await Promise.all([person(), person()]);
  const people = new Map([alice, bob].map((one) => [one.userId, one.known]));
  const directory: Directory = (userId) => people.get(userId);
  const engine = await createTsMlsEngine(acceptVouched(directory));
  // The engine of someone careless or malicious, who lets anyone in.
  const careless = await createTsMlsEngine(() => true);
  const [a1, b1] = await Promise.all([newDevice(engine, alice.userId), newDevice(engine, bob.userId)]);
  await alice.vouch(a1);
  await bob.vouch(b1);
  const groupId = utf8('direct');
  const made = await engine.commit(await engine.createGroup(a1.signer, groupId), { adds: [b1.package.message] });
  a1.state = made.state;
  assert.ok(made.welcome);
  b1.state = (await engine.join(b1.signer, made.welcome, [b1.package])).state;
  const rules: GroupRules = { users: [alice.userId, bob.userId], self: a1.signer };
  const check = (state: GroupState, added = engine.members(state).slice(0, 0)) =>
    checkMembers(engine.members(state), rules, directory, added);
  /** Bob adds a device without asking anyone; gives what Alice receives. */
  const sneak = async (guest: Device) =>
    careless.commit(careless.restore(engine.save(b1.now())), { adds: [guest.package.message] });
  /** Applies a commit with a permissive engine, to look at the result. */
  const applied = async (commit: Uint8Array) => careless.process(careless.restore(engine.save(a1.now())), commit);
  return { alice, bob, people, directory, engine, careless, a1, b1, groupId, rules, check, sneak, applied };
}

test('a group of two people with vouched devices is safe', async () => {
  const { check, a1, b1, engine, groupId } = await direct();
  assert.deepEqual(await check(a1.now()), { kind: 'safe', stale: [] });
  assert.deepEqual(checkJoined(b1.now(), groupId, 1), { kind: 'safe', stale: [] });
  assert.deepEqual(checkJoined(b1.now(), groupId, 2), { kind: 'unsafe', reason: 'wrong_group' });
  assert.deepEqual(checkJoined(b1.now(), utf8('other'), 1), { kind: 'unsafe', reason: 'wrong_group' });
  assert.deepEqual(engine.epochAuthenticator(a1.now()), engine.epochAuthenticator(b1.now()));
});

test("a third person's device makes a direct conversation unsafe, even a properly vouched one", async () => {
  const { people, sneak, a1, engine, rules, directory } = await direct();
  const carol = await person();
  people.set(carol.userId, carol.known);
  const c1 = await newDevice(engine, carol.userId);
  await carol.vouch(c1);
  const got = await engine.process(a1.now(), (await sneak(c1)).commit);
  assert.ok(got.kind === 'commit');
  const verdict = await checkMembers(engine.members(got.state), rules, directory, got.added);
  assert.ok(verdict.kind === 'unsafe' && verdict.reason === 'third_person' && verdict.member?.userId === carol.userId);
  assert.equal(engine.members(a1.now()).length, 2, 'the state from before is still there to stay with');
});

test('a ghost device is refused inside the engine and judged unsafe outside of it', async () => {
  const { alice, bob, sneak, applied, check, a1, engine, careless } = await direct();
  const ghost = await newDevice(engine, alice.userId);
  const bad = await sneak(ghost);
  await assert.rejects(engine.process(a1.now(), bad.commit), hasCode('unvouched'));
  const seen = await applied(bad.commit);
  const judge = () =>
    checkMembers(careless.members(seen.state), { users: [alice.userId, bob.userId], self: a1.signer }, (id) =>
      id === alice.userId ? alice.known : bob.known,
    );
  assert.equal((await judge()).kind, 'unknown_device');
  await alice.vouch(ghost, bob.account); // vouched for by a key that is not Alice's
  assert.deepEqual(await judge(), {
    kind: 'unsafe',
    reason: 'ghost_device',
    member: careless.members(seen.state).at(-1),
  });
  alice.known.devices.pop();
  await alice.vouch(await newDevice(engine, alice.userId, ghost.signer.deviceId)); // the directory tells of another key
  const verdict = await judge();
  assert.ok(verdict.kind === 'unsafe' && verdict.reason === 'ghost_device');
  assert.equal((await check(a1.now())).kind, 'safe');
});

test('a linked device cannot vouch for others, because it never had the account key', async () => {
  const { alice, sneak, a1, engine } = await direct();
  const revoked = await newDevice(engine, alice.userId);
  const ghost = await newDevice(engine, alice.userId);
  await alice.vouch(
    ghost,
    revoked.signer as { publicKey: Uint8Array<ArrayBuffer>; privateKey: Uint8Array<ArrayBuffer> },
  );
  await assert.rejects(engine.process(a1.now(), (await sneak(ghost)).commit), hasCode('unvouched'));
});

test('a revoked device that is still there must be removed; adding one is unsafe', async () => {
  const { alice, bob, a1, b1, sneak, check, engine } = await direct();
  bob.known.revoked.push(b1.signer.deviceId);
  const verdict = await check(a1.now());
  assert.ok(verdict.kind === 'safe');
  assert.deepEqual(
    verdict.stale.map(({ deviceId }) => deviceId),
    [b1.signer.deviceId],
  );
  bob.known.revoked.pop();
  const a2 = await newDevice(engine, alice.userId);
  await alice.vouch(a2);
  alice.known.revoked.push(a2.signer.deviceId);
  const got = await engine.process(a1.now(), (await sneak(a2)).commit);
  assert.ok(got.kind === 'commit');
  const added = await check(got.state, [...got.added]);
  assert.ok(added.kind === 'unsafe' && added.reason === 'revoked_device_added');
});

test('after an identity reset no device of it is accepted before the new key is', async () => {
  const { bob, check, a1 } = await direct();
  bob.known.accountKeys = [];
  const verdict = await check(a1.now());
  assert.ok(verdict.kind === 'unsafe' && verdict.reason === 'ghost_device' && verdict.member?.userId === bob.userId);
});

test('a device that only a former identity vouches for was in the group rightly, has to be removed, and is not added', async () => {
  const { bob, b1, a1, sneak, check, engine } = await direct();
  const b2 = await newDevice(engine, bob.userId);
  await bob.vouch(b2);
  bob.known.accountKeys = [];
  const former = (deviceId: string) => {
    bob.known.devices = bob.known.devices.map((device) =>
      device.deviceId === deviceId ? { ...device, former: true } : device,
    );
    bob.known.revoked.push(deviceId);
  };
  former(b1.signer.deviceId);
  const verdict = await check(a1.now());
  assert.ok(verdict.kind === 'safe');
  assert.deepEqual(
    verdict.stale.map(({ deviceId }) => deviceId),
    [b1.signer.deviceId],
  );
  const { commit } = await sneak(b2);
  await assert.rejects(engine.process(a1.now(), commit), hasCode('unvouched'));
  former(b2.signer.deviceId);
  const got = await engine.process(a1.now(), commit);
  assert.ok(got.kind === 'commit');
  const added = await check(got.state, [...got.added]);
  assert.ok(added.kind === 'unsafe' && added.reason === 'revoked_device_added');
});

test('one device at two leaves, and a group without this device, are unsafe', async () => {
  const { a1, engine, rules, directory } = await direct();
  const [first, second] = engine.members(a1.now());
  assert.ok(first && second);
  const twice = await checkMembers([first, second, { ...second, leafIndex: 2 }], rules, directory);
  assert.ok(twice.kind === 'unsafe' && twice.reason === 'duplicate_device');
  assert.deepEqual(await checkMembers([second], rules, directory), { kind: 'unsafe', reason: 'self_missing' });
});

test('a fork shows as a commit that does not fit, and as different epoch authenticators', async () => {
  const { a1, b1, engine } = await direct();
  const renew = async (on: E2eeEngine, device: Device) => on.commit(device.now(), {});
  const [left, right] = [await renew(engine, a1), await renew(engine, b1)];
  // The server tells each that its own commit won.
  a1.state = left.state;
  b1.state = right.state;
  assert.notDeepEqual(engine.epochAuthenticator(a1.now()), engine.epochAuthenticator(b1.now()));
  const next = await renew(engine, b1);
  await assert.rejects(engine.process(a1.now(), next.commit), (error) =>
    isFork(a1.now(), engine.inspect(next.commit), error),
  );
  await assert.rejects(
    engine.process(a1.now(), right.commit),
    (error) => !isFork(a1.now(), engine.inspect(right.commit), error),
  );
});
