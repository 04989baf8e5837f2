import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chainStart } from '../../protocol/identity.ts';
import { chainHash } from '../mls/signatures.ts';
import { lastResort, suiteImpl } from '../mls/testing.ts';
import { createKeyStore } from '../store/keys.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { Refused, startMessaging } from '../testing/messaging.ts';
import { addDevice, addPerson } from '../testing/people.ts';
import { addPhone, newAccountKey, Phone, registration, type Server, text } from '../testing/phones.ts';
import { checkRevocation } from './revocation.ts';

let db: TestDatabase;
let server: Server;

before(async () => {
  db = await testDatabase();
  server = startMessaging({ url: db.url, requireMls: true, limitFactor: 1000 });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
});

const refusedWith = (code: string, details?: object) => (error: unknown) => {
  assert.ok(error instanceof Refused, String(error));
  assert.equal(error.code, code);
  if (details !== undefined) assert.deepEqual(error.details, details);
  return true;
};

async function newcomer() {
  const identity = await addPerson(db.sql);
  const device = { ...identity, keys: await suiteImpl.signature.keygen() };
  return { identity, device, client: await server.connect(identity) };
}

test('registered keys are in the directory, and the head of their chain is in hello', async () => {
  const { identity, device, client } = await newcomer();
  const account = newAccountKey();
  const empty = await client.request('keys.devices', { userId: identity.userId });
  assert.deepEqual(empty, { accountKeys: [], devices: [], version: 0 });
  const body = registration(device, account);
  await client.request('keys.register', body);
  assert.deepEqual(await client.event('device.changed'), { userId: identity.userId, version: 1 });
  const { accountKeys, devices, version } = await client.request('keys.devices', { userId: identity.userId });
  const hash = chainHash(chainStart(), { userId: identity.userId, version: 1, key: account.key });
  assert.deepEqual(accountKeys, [
    { version: 1, key: text(account.key), hash: text(hash), createdAt: accountKeys[0]?.createdAt },
  ]);
  assert.deepEqual(devices, [
    {
      deviceId: identity.deviceId,
      key: body.deviceKey,
      crossSig: body.crossSig,
      accountKeyVersion: 1,
      createdAt: devices[0]?.createdAt,
    },
  ]);
  assert.equal(version, 1);
  // The same again, as after a lost reply, changes nothing.
  await client.request('keys.register', body);
  assert.equal((await client.request('keys.devices', { userId: identity.userId })).version, 1);

  const again = server.stranger();
  const hello = await again.request('hello', { token: JSON.stringify(identity) });
  assert.deepEqual(hello.accountKeyHead, { version: 1, hash: text(hash) });
});

test('an account key passes on to the next with its signature; without one it is a reset, and no key comes back', async () => {
  const { identity, device, client } = await newcomer();
  const [first, second, third] = [newAccountKey(), newAccountKey(), newAccountKey()];
  const chain = async () => (await client.request('keys.devices', { userId: identity.userId })).accountKeys;
  const head = async () => (await chain()).at(-1) ?? { version: 0, hash: '' };
  await client.request('keys.register', registration(device, first));
  const next = registration(device, second, { signer: first, ...(await head()) });
  await assert.rejects(
    client.request('keys.register', registration(device, second, { signer: third, ...(await head()) })),
    refusedWith('bad_request', { field: 'accountKeySig' }),
  );
  const elsewhere = { signer: first, version: 1, hash: text(chainStart()) };
  await assert.rejects(
    client.request('keys.register', registration(device, second, elsewhere)),
    refusedWith('bad_request', { field: 'accountKeySig' }),
  );
  assert.equal((await chain()).length, 1);
  await client.request('keys.register', next);
  await client.request('keys.register', next);
  await assert.rejects(
    client.request('keys.register', registration(device, first)),
    refusedWith('conflict', { field: 'accountKey' }),
  );
  await client.request('keys.register', registration(device, third));

  const links = await chain();
  assert.deepEqual(
    links.map(({ version, signature }) => [version, signature]),
    [
      [1, undefined],
      [2, next.accountKeySig],
      [3, undefined],
    ],
  );
  let hash: Buffer = Buffer.from(chainStart());
  for (const { version, key, signature, hash: told } of links) {
    hash = chainHash(hash, {
      userId: identity.userId,
      version,
      key: Buffer.from(key, 'base64url'),
      signature: signature === undefined ? undefined : Buffer.from(signature, 'base64url'),
    });
    assert.equal(told, text(hash));
  }
  const { devices, version } = await client.request('keys.devices', { userId: identity.userId });
  assert.deepEqual([devices[0]?.accountKeyVersion, version], [3, 3]);
});

test('a chain stays whole when eight connections rotate at once', async () => {
  const { identity, device, client } = await newcomer();
  const first = newAccountKey();
  await client.request('keys.register', registration(device, first));
  const [head] = (await client.request('keys.devices', { userId: identity.userId })).accountKeys;
  assert.ok(head);
  const bodies = Array.from({ length: 8 }, () => registration(device, newAccountKey(), { signer: first, ...head }));
  const results = await Promise.allSettled(bodies.map((body) => client.request('keys.register', body)));
  assert.equal(
    results.filter(({ status }) => status === 'fulfilled').length,
    1,
    'each signs at the same place of the chain',
  );
  for (const result of results) {
    if (result.status === 'rejected') refusedWith('bad_request', { field: 'accountKeySig' })(result.reason);
  }
  const { accountKeys } = await client.request('keys.devices', { userId: identity.userId });
  assert.deepEqual(
    accountKeys.map(({ version }) => version),
    [1, 2],
  );
});

test('a device needs a cross-signature, keeps its key, and has it alone', async () => {
  const { device, client } = await newcomer();
  const account = newAccountKey();
  const good = registration(device, account);
  const other = await newcomer();
  const crossed = registration(other.device, account);
  await assert.rejects(
    client.request('keys.register', { ...good, crossSig: crossed.crossSig }),
    refusedWith('bad_request', { field: 'crossSig' }),
  );
  await assert.rejects(
    client.request('keys.register', { ...good, deviceKey: text(new Uint8Array(32)) }),
    refusedWith('bad_request', { field: 'crossSig' }),
  );
  await assert.rejects(
    client.request('keys.register', { ...good, accountKey: text(new Uint8Array(32)) }),
    refusedWith('bad_request', { field: 'accountKey' }),
  );
  await assert.rejects(
    client.request('keys.register', { ...good, accountKeySig: good.crossSig }),
    refusedWith('bad_request', { field: 'accountKeySig' }),
  );
  await client.request('keys.register', good);
  const changed = { ...device, keys: await suiteImpl.signature.keygen() };
  await assert.rejects(
    client.request('keys.register', registration(changed, account)),
    refusedWith('conflict', { field: 'deviceKey' }),
  );
  const twin = { ...other.device, keys: device.keys };
  await assert.rejects(
    other.client.request('keys.register', registration(twin, newAccountKey())),
    refusedWith('conflict', { field: 'deviceKey' }),
  );
});

test('an account has ten devices with keys at most, and revoked ones do not count', async () => {
  const phones = [await addPhone(db, server)];
  const [first] = phones;
  assert.ok(first);
  while (phones.length < 10) phones.push(await addPhone(db, server, first));
  await assert.rejects(addPhone(db, server, first), refusedWith('conflict', { limit: 10 }));
  await db.sql`update devices set revoked_at = now() where id = ${phones[3]?.identity.deviceId ?? ''}`;
  await addPhone(db, server, first);
  const { devices } = await first.client.request('keys.devices', { userId: first.identity.userId });
  assert.equal(devices.filter(({ revokedAt }) => revokedAt === undefined).length, 10);
  assert.ok(devices.some(({ deviceId, revokedAt }) => deviceId === phones[3]?.identity.deviceId && revokedAt));
});

test('whoever shares a conversation is told of changed keys, and nobody else', async () => {
  const [ada, bob, eve] = await Promise.all([addPhone(db, server), addPhone(db, server), addPhone(db, server)]);
  await ada.client.request('conversation.open', { userId: bob.identity.userId });
  await bob.client.event('device.changed');
  await addPhone(db, server, ada);
  assert.deepEqual(await bob.client.event('device.changed'), { userId: ada.identity.userId, version: 2 });
  await eve.client.request('ping', {});
  const told = eve.client.frames
    .filter((frame) => frame.type === 'device.changed')
    .map(({ body }) => (body as { userId: string }).userId);
  assert.deepEqual(told, [eve.identity.userId]);
});

test('published packages are counted, kept once however often they are sent, and bounded', async () => {
  const ada = await addPhone(db, server);
  const packages = await Promise.all(Array.from({ length: 5 }, () => ada.pack()));
  const publish = (body: object) => ada.client.request('keys.publish', { packages: [], ...body });
  assert.deepEqual(await publish({ packages }), { oneTime: 5, lastResort: 0 });
  assert.deepEqual(await publish({ packages }), { oneTime: 5, lastResort: 0 });
  assert.deepEqual(await ada.publish(1, { lastResort: true }), { oneTime: 6, lastResort: 1 });
  assert.deepEqual(await ada.publish(0, { lastResort: true }), { oneTime: 6, lastResort: 1 }, 'replaced');
  await ada.publish(100);
  await assert.rejects(ada.publish(95), refusedWith('conflict', { limit: 200, oneTime: 106 }));
  assert.deepEqual(await ada.publish(94), { oneTime: 200, lastResort: 1 });
});

test('a device that registers with packages is never seen without any, and a fault in one registers nothing', async () => {
  const owner = await addPhone(db, server);
  const bob = await addPhone(db, server);
  const { conversation } = await bob.client.request('conversation.open', { userId: owner.identity.userId });
  const identity = await addDevice(db.sql, owner.identity.userId);
  const device = { ...identity, keys: await suiteImpl.signature.keygen() };
  const phone = new Phone(identity, device, owner.account, await server.connect(identity));
  const body = registration(device, owner.account);
  const packages = [await phone.pack(), await phone.pack()];
  const last = await phone.pack({ extensions: [lastResort] });
  const register = (more: object) => phone.client.request('keys.register', { ...body, ...more });
  await assert.rejects(
    register({ packages: [packages[0], await owner.pack()] }),
    refusedWith('bad_request', { field: 'packages.1', reason: 'wrong_identity' }),
  );
  await assert.rejects(
    register({ packages, lastResort: packages[0] }),
    refusedWith('bad_request', { field: 'lastResort', reason: 'not_last_resort' }),
  );
  const others = await phone.client.request('keys.devices', { userId: identity.userId });
  assert.ok(!others.devices.some(({ deviceId }) => deviceId === identity.deviceId));
  await register({ packages, lastResort: last });
  // The first who hears of it gets a package.
  await bob.client.event('device.changed');
  while ((await bob.client.event('device.changed')).userId !== identity.userId);
  const claimed = await bob.claim(conversation.id, [identity.deviceId]);
  assert.deepEqual(
    claimed.packages.map((each) => each.package),
    [packages[0]],
  );
  // The same again, as after a lost reply; and more than fit change nothing.
  await register({ packages, lastResort: last });
  assert.deepEqual(await phone.publish(0), { oneTime: 1, lastResort: 1 });
  await phone.publish(100);
  const many = await Promise.all(Array.from({ length: 100 }, () => phone.pack()));
  await assert.rejects(register({ packages: many }), refusedWith('conflict', { limit: 200, oneTime: 101 }));
  assert.deepEqual(await phone.publish(0), { oneTime: 101, lastResort: 1 });
});

test('every fault of a package is named with the package, and none of its batch is stored', async () => {
  const [ada, eve] = await Promise.all([addPhone(db, server), addPhone(db, server)]);
  const good = await ada.pack();
  const seconds = BigInt(Math.floor(Date.now() / 1000));
  const last = await ada.pack({ extensions: [{ extensionType: 10, extensionData: new Uint8Array() }] });
  const flipped = Buffer.from(good, 'base64url');
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  const faults: [string, string][] = [
    ['wrong_identity', await eve.pack()],
    ['bad_signature', text(flipped)],
    ['trailing_bytes', `${good}AAAA`.slice(0, good.length + 4)],
    ['truncated', text(Buffer.from(good, 'base64url').subarray(0, 50))],
    ['lifetime_over', await ada.pack({ lifetime: { notBefore: seconds - 1000n, notAfter: seconds - 10n } })],
    [
      'lifetime_too_long',
      await ada.pack({ lifetime: { notBefore: seconds - 10n, notAfter: seconds + 101n * 86_400n } }),
    ],
    ['lifetime_not_started', await ada.pack({ lifetime: { notBefore: seconds + 1000n, notAfter: seconds + 86_400n } })],
    ['last_resort', last],
    ['duplicate_package', good],
    [
      'wrong_wire_format',
      text(Buffer.concat([Buffer.from('00010003', 'hex'), Buffer.from(good, 'base64url').subarray(4)])),
    ],
  ];
  for (const [reason, fault] of faults) {
    const sent = ada.client.request('keys.publish', { packages: [good, fault] });
    await assert.rejects(sent, refusedWith('bad_request', { field: 'packages.1', reason }), reason);
  }
  await assert.rejects(
    ada.client.request('keys.publish', { packages: [good], lastResort: await ada.pack() }),
    refusedWith('bad_request', { field: 'lastResort', reason: 'not_last_resort' }),
  );
  await assert.rejects(
    ada.client.request('keys.publish', { packages: ['A'.repeat(11_000)] }),
    refusedWith('bad_request'),
  );
  assert.deepEqual(await ada.client.request('keys.publish', { packages: [] }), { oneTime: 0, lastResort: 0 });
  // Without keys of its own a device has nothing to publish.
  const { client } = await newcomer();
  await assert.rejects(client.request('keys.publish', { packages: [] }), refusedWith('conflict'));
});

test('eight connections that claim at once get each package once, then the one of last resort', async () => {
  const [ada, bob] = await Promise.all([addPhone(db, server), addPhone(db, server)]);
  const phones = [bob, await addPhone(db, server, bob), await addPhone(db, server, bob)];
  const total = 100;
  for (const phone of phones) await phone.publish(total, { lastResort: true });
  const { conversation } = await ada.client.request('conversation.open', { userId: bob.identity.userId });
  await using other = startMessaging({ url: db.url, requireMls: true, limitFactor: 1000 });
  const claimers = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const identity = i === 0 ? ada.identity : await addDevice(db.sql, ada.identity.userId);
      return i % 2 === 0 ? server.connect(identity) : other.connect(identity);
    }),
  );
  const handed = new Map<string, { deviceId: string; lastResort: boolean }[]>();
  let left = total + 20;
  await Promise.all(
    claimers.map(async (client) => {
      while (left-- > 0) {
        const deviceIds = phones.map(({ identity }) => identity.deviceId);
        const { packages } = await client.request('keys.claim', { conversationId: conversation.id, deviceIds });
        assert.equal(packages.length, phones.length);
        for (const { ref, deviceId, lastResort } of packages)
          handed.set(ref, [...(handed.get(ref) ?? []), { deviceId, lastResort }]);
      }
    }),
  );
  const oneTime = [...handed.values()].filter(([first]) => first?.lastResort === false);
  assert.ok(
    oneTime.every((times) => times.length === 1),
    'each one-time package was handed out once',
  );
  assert.equal(oneTime.length, phones.length * total, 'and all of them were');
  const last = [...handed.values()].filter(([first]) => first?.lastResort === true);
  assert.deepEqual(
    last.map((times) => times.length),
    phones.map(() => 20),
  );
  // A package that was handed out is not taken again.
  assert.deepEqual(await bob.client.request('keys.publish', { packages: [] }), { oneTime: 0, lastResort: 1 });
});

test('a used package can not be published again, and one that ends today is not handed out', async () => {
  const [ada, bob] = await Promise.all([addPhone(db, server), addPhone(db, server)]);
  const { conversation } = await ada.client.request('conversation.open', { userId: bob.identity.userId });
  const seconds = BigInt(Math.floor(Date.now() / 1000));
  const ending = await bob.pack({ lifetime: { notBefore: seconds - 10n, notAfter: seconds + 80_000n } });
  await bob.client.request('keys.publish', { packages: [ending] });
  assert.deepEqual(await ada.claim(conversation.id), { packages: [] });
  const lasting = await bob.pack();
  await bob.client.request('keys.publish', { packages: [lasting] });
  const { packages } = await ada.claim(conversation.id);
  assert.deepEqual(
    packages.map((each) => each.package),
    [lasting],
  );
  assert.deepEqual(await bob.client.request('keys.publish', { packages: [lasting] }), { oneTime: 1, lastResort: 0 });
});

test('a device is told when its packages run low, at hello and when they are claimed', async () => {
  const [ada, bob] = await Promise.all([addPhone(db, server), addPhone(db, server)]);
  const { conversation } = await ada.client.request('conversation.open', { userId: bob.identity.userId });
  await bob.publish(20);
  await ada.claim(conversation.id);
  // The first hello's own look may come as late as after the registration, and then tells that there are none yet.
  let low = await bob.client.event('keys.low');
  if (low.oneTime === 0) low = await bob.client.event('keys.low');
  assert.deepEqual(low, { oneTime: 19 });
  const again = await server.connect(bob.identity);
  assert.deepEqual(await again.event('keys.low'), { oneTime: 19 });
  await new Phone(bob.identity, bob.device, bob.account, again).publish(1);
  const enough = await server.connect(bob.identity);
  await enough.event('sync.done');
  await enough.request('keys.devices', { userId: bob.identity.userId });
  assert.deepEqual(
    enough.frames.filter(({ type }) => type === 'keys.low'),
    [],
  );
});

test('packages are claimed inside a conversation only, of its members only, and not without end', async () => {
  await using strict = startMessaging({ url: db.url, requireMls: true });
  const [ada, bob, eve] = await Promise.all([addPhone(db, server), addPhone(db, server), addPhone(db, server)]);
  await Promise.all([bob.publish(80), eve.publish(1)]);
  const { conversation } = await ada.client.request('conversation.open', { userId: bob.identity.userId });
  const conversationId = conversation.id;
  await assert.rejects(eve.claim(conversationId), refusedWith('not_found'));
  await assert.rejects(
    ada.claim(conversationId, [eve.identity.deviceId]),
    refusedWith('not_found', { deviceId: eve.identity.deviceId }),
  );
  await assert.rejects(
    ada.claim(conversationId, [ada.identity.deviceId]),
    refusedWith('not_found', { deviceId: ada.identity.deviceId }),
  );
  const client = await strict.connect(ada.identity);
  for (let i = 0; i < 60; i++) await client.request('keys.claim', { conversationId });
  await assert.rejects(
    client.request('keys.claim', { conversationId }),
    refusedWith('rate_limited', { bucket: 'key_claim' }),
  );
  assert.deepEqual(await bob.client.request('keys.publish', { packages: [] }), { oneTime: 20, lastResort: 0 });
});

test('an account with a key has revocations signed by it', async () => {
  const [ada, eve] = await Promise.all([addPhone(db, server), addPhone(db, server)]);
  const second = await addPhone(db, server, ada);
  const { userId, deviceId } = second.identity;
  const keys = createKeyStore(server.gate);
  const check = (signature: string | undefined) => checkRevocation(keys, userId, deviceId, signature);
  await check(ada.revocationOf(deviceId));
  for (const signature of [undefined, ada.revocationOf(ada.identity.deviceId), eve.revocationOf(deviceId)]) {
    await assert.rejects(check(signature), { code: 'forbidden' });
  }
  await checkRevocation(keys, (await addPerson(db.sql)).userId, deviceId, undefined);
});
