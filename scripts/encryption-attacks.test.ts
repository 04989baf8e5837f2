import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { fromBase64url, toBase64url } from '../client/e2ee/bytes.ts';
import { directConversationId } from '../client/e2ee/direct-id.ts';
import { chainHash, crossSign, generateAccountKey, generateDeviceKey } from '../client/e2ee/identity.ts';
import { memoryStore } from '../client/index.ts';
import { openNodeSocket } from '../client/node/socket.ts';
import {
  acceptIdentity,
  clients,
  firstPhone,
  has,
  joined,
  link,
  linkPhone,
  meet,
  type Phone,
  phoneOf,
  start,
  verify,
  words,
} from './testing/encrypted.ts';
import { lyingSocket, type Told } from './testing/lying-socket.ts';
import { PASSWORD, patiently, type RunningServer, register, runServer, until } from './testing/running-server.ts';

const failure = (phone: Phone, id: string) =>
  phone.client.outgoing(id).find(({ failed }) => failed !== undefined)?.failed;

/** A server that appends a key of its own to the chain of a person, and with it vouches for their devices and one more. */
async function appendedKey(personOf: () => string) {
  const evil = await generateAccountKey();
  const ghost = { deviceId: randomUUID(), key: toBase64url((await generateDeviceKey()).publicKey) };
  const lie = async (userId: string, { accountKeys, devices }: Told): Promise<void> => {
    const head = accountKeys.at(-1);
    if (userId !== personOf() || head === undefined) return;
    const link = { version: head.version + 1, key: evil.publicKey };
    const hash = toBase64url(chainHash(userId, fromBase64url(head.hash), link));
    accountKeys.push({ ...head, version: link.version, key: toBase64url(link.key), hash });
    devices.push({ ...ghost, crossSig: '', accountKeyVersion: link.version, createdAt: head.createdAt });
    for (const device of devices) {
      device.crossSig = toBase64url(await crossSign(evil, userId, device.deviceId, fromBase64url(device.key)));
      device.accountKeyVersion = link.version;
    }
  };
  return { lie, ghost };
}

/** A server that puts a key of its own before the true one, and at first shows only that. */
async function prefixedKey(personId: string) {
  const evil = await generateAccountKey();
  const lie = async (userId: string, told: Told, both: boolean): Promise<void> => {
    const [real] = told.accountKeys;
    if (userId !== personId || real === undefined) return;
    const one = { version: 1, key: evil.publicKey };
    const first = { ...real, key: toBase64url(one.key), hash: toBase64url(chainHash(userId, new Uint8Array(32), one)) };
    const two = { version: 2, key: fromBase64url(real.key) };
    const hash = toBase64url(chainHash(userId, fromBase64url(first.hash), two));
    told.accountKeys = both ? [first, { ...real, version: 2, hash }] : [first];
    for (const device of told.devices)
      device.crossSig = toBase64url(await crossSign(evil, userId, device.deviceId, fromBase64url(device.key)));
  };
  return { lie };
}

/** The same device in another session, so that it asks for everything again. */
async function restart(
  t: TestContext,
  server: RunningServer,
  phone: Phone,
  store: ReturnType<typeof memoryStore>,
  openSocket = openNodeSocket,
) {
  await phone.client.close();
  const client = phoneOf(t, server, { store, openSocket });
  const told: string[] = [];
  client.encryption.on('identity', ({ userId, is }) => told.push(`${is} ${userId}`));
  return { phone: await start(client), told };
}

test('a server that meddles with keys', async (whole) => {
  const server = await runServer(whole, { REQUIRE_MLS: 'true' });
  const { sql } = server;

  /** A key at the end of somebody's chain that nobody vouches for. */
  const newIdentity = async (userId: string) => {
    const [head] =
      await sql`select version, hash from account_keys where user_id = ${userId} order by version desc limit 1`;
    const link = { version: Number(head?.version) + 1, key: new Uint8Array(randomBytes(32)) };
    const hash = chainHash(userId, new Uint8Array(head?.hash), link);
    await sql`insert into account_keys (user_id, version, key, hash)
      values (${userId}, ${link.version}, ${Buffer.from(link.key)}, ${Buffer.from(hash)})`;
  };

  await whole.test('a device that the server invents gets into no group', async (t) => {
    const store = memoryStore();
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada', { store }), firstPhone(t, server, 'bob')]);
    const id = await meet(ada, bob);
    const [ghost] = await sql`insert into devices (user_id, name) values (${bob.userId}, 'ghost') returning id`;
    await sql`insert into device_keys (device_id, user_id, key, cross_signature, account_key_version)
      values (${ghost?.id}, ${bob.userId}, ${randomBytes(32)}, ${randomBytes(64)}, 1)`;
    // Its package would be handed out: that of another device, under its name.
    await sql`update key_packages set device_id = ${ghost?.id} where ref in
      (select ref from key_packages where device_id = ${bob.deviceId} and not last_resort limit 1)`;
    const again = await restart(t, server, ada, store);
    await again.phone.client.send(id, words('after the ghost'));
    await has('after the ghost', again.phone, bob);
    const { devices, unsafe } = await again.phone.client.encryption.group(id);
    assert.deepEqual(devices.map(({ deviceId }) => deviceId).sort(), [ada.deviceId, bob.deviceId].sort());
    assert.equal(unsafe, undefined);
  });

  await whole.test('a third person whom the server puts into a conversation of two gets into no group', async (t) => {
    const [sa, sb] = [memoryStore(), memoryStore()];
    const [ada, bob] = await Promise.all([
      firstPhone(t, server, 'ada7', { store: sa }),
      firstPhone(t, server, 'bob7', { store: sb }),
    ]);
    const mal = await firstPhone(t, server, 'mal7');
    const id = await meet(ada, bob);
    const addMallory = async (conversationId: string) => {
      await sql`insert into conversation_participants (conversation_id, user_id, accepted_at)
        values (${conversationId}, ${mal.userId}, now())`;
      await sql`update conversations set kind = 'group', changed_at = now() where id = ${conversationId}`;
    };
    await addMallory(id);
    const { phone: adaAgain } = await restart(t, server, ada, sa);
    const { phone: bobAgain } = await restart(t, server, bob, sb);
    for (const { client } of [adaAgain, bobAgain]) await client.request('conversation.get', { conversationId: id });
    await adaAgain.client.send(id, words('for two'));
    await has('for two', adaAgain, bobAgain);
    await bobAgain.client.encryption.renew(id);
    await bobAgain.client.send(id, words('for us'));
    await has('for us', adaAgain, bobAgain);
    const { devices, unsafe } = await adaAgain.client.encryption.group(id);
    assert.deepEqual(devices.map(({ deviceId }) => deviceId).sort(), [ada.deviceId, bob.deviceId].sort());
    assert.equal(unsafe, undefined);
    assert.deepEqual([...(await sql`select id from device_mailbox where device_id = ${mal.deviceId}`)], []);

    // Before the first message, when nothing is pinned yet.
    const { conversation } = await adaAgain.client.request('conversation.open', { userId: mal.userId });
    await sql`insert into conversation_participants (conversation_id, user_id, accepted_at)
      values (${conversation.id}, ${bob.userId}, now())`;
    // And under an id that is not that of the two.
    const other = randomUUID();
    await sql`insert into conversations (id, kind) values (${other}, 'direct')`;
    await sql`insert into conversation_participants (conversation_id, user_id, accepted_at)
      select ${other}, unnest(${[ada.userId, mal.userId]}::uuid[]), now()`;
    for (const conversationId of [conversation.id, other]) {
      await adaAgain.client.request('conversation.get', { conversationId });
      await adaAgain.client.send(conversationId, words('to whom?'));
      await until(clients(adaAgain), () => failure(adaAgain, conversationId) !== undefined, 'it is held back');
      assert.equal(failure(adaAgain, conversationId)?.code, 'conversation_unsafe');
    }
  });

  await whole.test('the id of a direct conversation is derived as the server derives it', async () => {
    for (let n = 0; n < 50; n += 1) {
      const [one, two] = [randomUUID(), randomUUID()];
      const [row] = await sql`select direct_conversation_id(${one}, ${two}) as id`;
      assert.equal(directConversationId(one, two), row?.id);
    }
  });

  await whole.test(
    'a key that the server appends to the chain of a new device’s own account is not pinned',
    async (t) => {
      let person = '';
      let lies = true;
      const { lie, ghost } = await appendedKey(() => (lies ? person : ''));
      const openSocket = lyingSocket(lie);
      // The account's first device, which knows its key since it made it.
      const store = memoryStore();
      const first = phoneOf(t, server, { store, openSocket });
      await register(first, server, 'ada8');
      person = (await first.whoAmI())?.userId ?? '';
      const seen: string[] = [];
      first.encryption.on('status', (status) => seen.push(status));
      await start(first);
      await until([first], () => seen.length > 0, 'it knows where it stands');
      assert.deepEqual(seen, ['unlinked']);
      await first.close();
      // Told the same once more, it does not think itself ready in between; told the truth, it goes on.
      const again = phoneOf(t, server, { store, openSocket });
      again.encryption.on('status', (status) => seen.push(status));
      const ada = await start(again);
      await until([again], () => seen.length > 1, 'it knows where it stands');
      assert.deepEqual(seen, ['unlinked', 'unlinked']);
      lies = false;
      again.reconnectNow();
      await again.close();
      const honest = phoneOf(t, server, { store });
      const adaNow = await start(honest);
      await until([honest], () => honest.encryption.status === 'ready', 'its keys are registered');

      // A device that is linked knows the key from the one that let it in.
      lies = true;
      const laptop = phoneOf(t, server, { openSocket });
      await patiently(() => laptop.login({ login: 'ada8', password: PASSWORD, deviceName: 'another' }));
      await start(laptop);
      await assert.rejects(link({ ...ada, client: laptop }, adaNow), { code: 'refused' });
      assert.equal(laptop.encryption.status, 'unlinked');
      lies = false;
      const bob = await firstPhone(t, server, 'bob8');
      await meet(bob, adaNow);
      assert.deepEqual((await honest.encryption.identities().of(person)).devices.includes(ghost.deviceId), false);
    },
  );

  await whole.test('a revocation that the server takes back stays one for whoever has heard of it', async (t) => {
    const store = memoryStore();
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada6', { store }), firstPhone(t, server, 'bob6')]);
    const id = await meet(ada, bob);
    const tablet = await linkPhone(t, server, 'bob6', bob);
    await joined(id, tablet, ada, bob);
    const packages = await sql`select ref, device_id, suite, last_resort, not_after, package from key_packages
      where device_id = ${tablet.deviceId}`;
    await bob.client.encryption.identities().revoke(tablet.deviceId);
    await ada.client.send(id, words('without the tablet'));
    await has('without the tablet', ada, bob);
    await sql`update devices set revoked_at = null where id = ${tablet.deviceId}`;
    for (const row of packages) {
      await sql`insert into key_packages (ref, device_id, suite, last_resort, not_after, package)
        values (${row.ref}, ${row.deviceId}, ${row.suite}, ${row.lastResort}, ${row.notAfter}, ${row.package})`;
    }
    const again = await restart(t, server, ada, store);
    await again.phone.client.send(id, words('still without it'));
    await has('still without it', again.phone, bob);
    // Nobody has invited it again, not even for a moment.
    assert.deepEqual([...(await sql`select id from device_mailbox where device_id = ${tablet.deviceId}`)], []);
  });

  await whole.test('a key that nobody vouches for stops sending until it is accepted', async (t) => {
    const store = memoryStore();
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada2', { store }), firstPhone(t, server, 'bob2')]);
    const id = await meet(ada, bob);
    await verify(ada, bob);
    await newIdentity(bob.userId);
    const again = await restart(t, server, ada, store);
    await again.phone.client.send(id, words('not to a stranger'));
    await until(clients(again.phone), () => failure(again.phone, id) !== undefined, 'it is held back');
    assert.equal(failure(again.phone, id)?.code, 'identity_changed');
    assert.deepEqual(again.told, [`reset ${bob.userId}`]);
    assert.ok(!bob.texts().includes('not to a stranger'));
  });

  await whole.test(
    'what is accepted and verified is what was compared, whatever the server puts in its place',
    async (t) => {
      const stores = [memoryStore(), memoryStore()] as const;
      const [ada, bob] = await Promise.all([
        firstPhone(t, server, 'ada9', { store: stores[0] }),
        firstPhone(t, server, 'bob9'),
      ]);
      const id = await meet(ada, bob);
      const before = await ada.client.encryption.identities().safetyNumber(bob.userId);
      await bob.client.encryption.identities().reset();
      const { phone: second } = await restart(t, server, ada, stores[0]);
      let ours = second.client.encryption.identities();
      const compared = await ours.safetyNumber(bob.userId);
      assert.equal(compared, await bob.client.encryption.identities().safetyNumber(ada.userId));
      const conflict = { code: 'conflict' };
      await assert.rejects(ours.setVerified(bob.userId, before), conflict, 'the number of the identity before');
      await assert.rejects(ours.setVerified(bob.userId, compared), conflict, 'nobody has accepted it');
      // Between the comparison and the word that it was the same.
      await newIdentity(bob.userId);
      const { phone: third } = await restart(t, server, second, stores[0]);
      ours = third.client.encryption.identities();
      await assert.rejects(ours.accept(bob.userId, compared), conflict);
      await assert.rejects(ours.accept(bob.userId, before), conflict);
      assert.deepEqual(await ours.of(bob.userId).then(({ pending, verified }) => ({ pending, verified })), {
        pending: true,
        verified: false,
      });
      await third.client.send(id, words('not to a stranger'));
      await until(clients(third), () => failure(third, id)?.code === 'identity_changed', 'it is held back');
      await assert.rejects(ours.accept(bob.userId, 'sotto-verify:nonsense'), conflict);

      // A server that shows a false key first and the true one later, which then is compared: the first is not verified.
      const kim = await firstPhone(t, server, 'kim9');
      const { lie } = await prefixedKey(kim.userId);
      let lies = 'first' as 'first' | 'both';
      const openSocket = lyingSocket((userId, told) => lie(userId, told, lies === 'both'));
      const lou = await firstPhone(t, server, 'lou9', { store: stores[1], openSocket });
      await meet(lou, kim);
      lies = 'both';
      const { phone: louAgain } = await restart(t, server, lou, stores[1], openSocket);
      const theirs = louAgain.client.encryption.identities();
      const shown = await theirs.safetyNumber(kim.userId);
      assert.equal(shown, await kim.client.encryption.identities().safetyNumber(lou.userId));
      await assert.rejects(theirs.setVerified(kim.userId, shown), conflict);
      assert.equal((await theirs.of(kim.userId)).verified, false);
      const code = await kim.client.encryption.identities().safetyQr(lou.userId);
      await theirs.accept(kim.userId, code);
      await theirs.setVerified(kim.userId, shown.replaceAll(' ', ''));
      assert.equal((await theirs.of(kim.userId)).verified, true);
      await theirs.setVerified(kim.userId, undefined);
      assert.equal((await theirs.of(kim.userId)).verified, false);
    },
  );

  await whole.test('a chain that is told in another way than before is not believed', async (t) => {
    const store = memoryStore();
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada3', { store }), firstPhone(t, server, 'bob3')]);
    const id = await meet(ada, bob);
    const key = new Uint8Array(randomBytes(32));
    const hash = chainHash(bob.userId, new Uint8Array(32), { version: 1, key });
    await sql`update account_keys set key = ${Buffer.from(key)}, hash = ${Buffer.from(hash)} where user_id = ${bob.userId}`;
    const again = await restart(t, server, ada, store);
    await again.phone.client.send(id, words('to nobody'));
    await until(clients(again.phone), () => failure(again.phone, id) !== undefined, 'it is held back');
    assert.equal(failure(again.phone, id)?.code, 'identity_changed');
    assert.deepEqual(again.told, [`rewritten ${bob.userId}`]);
  });

  await whole.test(
    'somebody who lost every device begins anew: the other side is asked, accepts, and both go on',
    async (t) => {
      const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada4'), firstPhone(t, server, 'bob4')]);
      const id = await meet(ada, bob);
      await bob.client.close();
      const fresh = phoneOf(t, server);
      await fresh.login({ login: 'bob4', password: 'correct horse battery staple', deviceName: 'new' });
      const told: string[] = [];
      ada.client.encryption.on('identity', ({ is }) => told.push(is));
      const bobAgain = await start(fresh);
      await until([fresh], () => fresh.encryption.status === 'unlinked', 'it knows that it has no keys');
      await fresh.encryption.identities().reset();
      await until(clients(ada, bobAgain), () => told.includes('reset'), 'the other side is told');
      assert.equal((await ada.client.encryption.identities().of(bob.userId)).pending, true);
      await acceptIdentity(ada, bob.userId);
      await ada.client.send(id, words('welcome back'));
      await has('welcome back', ada, bobAgain);
      await fresh.send(id, words('thank you'));
      await has('thank you', ada, bobAgain);
      const { devices } = await ada.client.encryption.group(id);
      assert.deepEqual(devices.map(({ deviceId }) => deviceId).sort(), [ada.deviceId, bobAgain.deviceId].sort());
    },
  );
});
