import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { RequestInput } from '../../protocol/index.ts';
import { encodePack, makePack, suiteImpl } from '../mls/testing.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { Refused, startMessaging } from '../testing/messaging.ts';
import { addPhone, encryptedPair, type Phone, type Server, text } from '../testing/phones.ts';

// What can be wrong with each object of encryption, as it comes over the wire: its code, its reason, and that nothing
// changes. The reasons one by one are tested where they are found, in ../mls.

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

/** Whatever any of these requests could have changed. */
async function everything(): Promise<string> {
  const tables = ['conversations', 'conversation_log', 'group_members', 'device_mailbox', 'welcomes', 'key_packages'];
  const rest = ['key_claims', 'device_keys', 'account_keys'];
  const parts = await Promise.all(
    [...tables, ...rest].map(
      (name) => db.sql`select md5(string_agg(t::text, ',' order by t::text)) from ${db.sql(name)} t`,
    ),
  );
  return JSON.stringify(parts);
}

const bytesOf = (base64url: string | undefined): Buffer => Buffer.from(base64url ?? '', 'base64url');
const trailing = (object: string | undefined): string => text(Buffer.concat([bytesOf(object), Buffer.alloc(1)]));
/** The epoch that a commit or a message names in the clear, behind version, format and group id: 2 + 2 + 1 + 20 bytes. */
const atEpoch = (object: string, epoch: number): string => {
  const bytes = bytesOf(object);
  bytes.writeBigUInt64BE(BigInt(epoch), 25);
  return text(bytes);
};
/** The length at this place, which takes one byte, written in two. */
const longLength = (object: string | undefined, at: number): string => {
  const bytes = bytesOf(object);
  return text(Buffer.concat([bytes.subarray(0, at), Uint8Array.of(0x40, bytes[at] ?? 0), bytes.subarray(at + 1)]));
};
const flipped = (object: string | undefined, fromEnd = 1): string => {
  const bytes = bytesOf(object);
  bytes[bytes.length - fromEnd] = (bytes.at(-fromEnd) ?? 0) ^ 1;
  return text(bytes);
};

const otherSuite = { ...suiteImpl, name: 'MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519' as const };

async function refused(what: string, request: Promise<unknown>, code: string, reason?: string): Promise<void> {
  await assert.rejects(request, (error: unknown) => {
    assert.ok(error instanceof Refused, String(error));
    assert.deepEqual([error.code, error.details?.reason], [code, reason], what);
    return true;
  });
}

test('every fault of a key package has its code, and nothing changes', async () => {
  const [ada, eve] = await Promise.all([addPhone(db, server), addPhone(db, server)]);
  const good = await ada.pack();
  const foreignKey = await makePack({ ...ada.device, keys: eve.device.keys });
  const faults: [string, string][] = [
    ['wrong_suite', await ada.pack({ suite: otherSuite })],
    ['wrong_identity', await eve.pack()],
    ['wrong_signature_key', text(encodePack(foreignKey.publicPackage))],
    ['bad_signature', flipped(good)],
    ['trailing_bytes', trailing(good)],
    ['non_minimal_varint', longLength(good, 8)],
  ];
  const before = await everything();
  for (const [reason, fault] of faults)
    await refused(reason, ada.client.request('keys.publish', { packages: [fault] }), 'bad_request', reason);
  const oversized = { packages: [text(Buffer.alloc(8 * 1024 + 1))] };
  await refused('oversized', ada.client.request('keys.publish', oversized), 'bad_request');
  assert.equal(await everything(), before);
});

test('every fault of a commit and its welcome has its code, and nothing changes', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const other = await encryptedPair(db, server);
  const second = await addPhone(db, server, bob);
  await second.publish(2);
  const [claimed] = (await ada.claim(conversationId)).packages;
  assert.ok(claimed);
  const good = await ada.prepare(conversationId, { baseEpoch: 1, add: [[second, claimed]] });
  const elsewhere = await other.ada.prepare(other.conversationId, { baseEpoch: 1 });
  const { commit, welcome } = good.body;
  const send = (body: Partial<RequestInput<'commit.send'>>, by: Phone = ada) =>
    by.client.request('commit.send', { ...good.body, clientId: randomUUID(), ...body });
  const before = await everything();
  const alone = { adds: [], welcome: undefined };
  await refused('of another group', send({ commit: elsewhere.body.commit, ...alone }), 'bad_request', 'wrong_group');
  await refused('of another sender', send({}, bob), 'bad_request', 'wrong_sender');
  await refused('of a past epoch', send({ baseEpoch: 0 }), 'stale_epoch');
  await refused('of a future one', send({ baseEpoch: 2, commit: atEpoch(commit, 2) }), 'stale_epoch');
  await refused('of another than declared', send({ commit: atEpoch(commit, 7) }), 'bad_request', 'wrong_epoch');
  await refused('undeclared add', send(alone), 'bad_request', 'adds_differ');
  await refused('undone remove', send({ removes: [bob.identity.deviceId] }), 'bad_request', 'removes_differ');
  await refused('trailing bytes', send({ commit: trailing(commit) }), 'bad_request', 'trailing_bytes');
  await refused('a long length', send({ commit: longLength(commit, 4) }), 'bad_request', 'non_minimal_varint');
  await refused('oversized', send({ commit: text(Buffer.alloc(256 * 1024 + 1)) }), 'too_large');
  await refused('a welcome of others', send({ welcome: other.first.body.welcome }), 'bad_request', 'welcome_differs');
  await refused('a welcome for nobody', send({ welcome: undefined }), 'bad_request', 'welcome_differs');
  await refused('a welcome and more', send({ welcome: trailing(welcome) }), 'bad_request', 'trailing_bytes');
  const otherWelcome = bytesOf(welcome);
  otherWelcome.writeUInt16BE(3, 4);
  await refused('a welcome of another suite', send({ welcome: text(otherWelcome) }), 'bad_request', 'wrong_suite');
  const stolen = await bob.prepare(conversationId, { baseEpoch: 1, add: [[second, claimed]] });
  await refused("another's package", send(stolen.body, bob), 'bad_request', 'unclaimed');
  assert.equal(await everything(), before);

  await ada.commit(good);
  const leaf: [string, number][] = [[second.identity.deviceId, 2]];
  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 2, remove: leaf }));
  const after = await everything();
  const reused = await ada.prepare(conversationId, { baseEpoch: 3, add: [[second, claimed]] });
  await refused('a package used before', send(reused.body), 'bad_request', 'unclaimed');
  await refused('from a removed device', send({ ...reused.body, ...alone }, second), 'forbidden');
  assert.equal(await everything(), after);
});

test('every fault of a message has its code, and nothing changes', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const other = await encryptedPair(db, server);
  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 1, remove: [[bob.identity.deviceId, 1]] }));
  const good = await ada.message(2, conversationId);
  const foreign = await other.ada.message(1, other.conversationId);
  const send = (body: Partial<RequestInput<'message.send'>>, by: Phone = ada) =>
    by.client.request('message.send', { ...good, clientId: randomUUID(), ...body });
  const before = await everything();
  await refused('of a past epoch', send({ epoch: 1, mls: atEpoch(good.mls, 1) }), 'stale_epoch');
  await refused('of a future one', send({ epoch: 3, mls: atEpoch(good.mls, 3) }), 'stale_epoch');
  await refused('of another than declared', send({ mls: atEpoch(good.mls, 7) }), 'bad_request', 'wrong_epoch');
  await refused('of another group', send({ mls: foreign.mls }), 'bad_request', 'wrong_group');
  await refused('trailing bytes', send({ mls: trailing(good.mls) }), 'bad_request', 'trailing_bytes');
  await refused('a long length', send({ mls: longLength(good.mls, 34) }), 'bad_request', 'non_minimal_varint');
  await refused('oversized', send({ mls: text(Buffer.alloc(64 * 1024 + 1)) }), 'bad_request');
  await refused('from a removed device', send({}, bob), 'forbidden');
  await refused('from somebody else', send({}, other.ada), 'not_found');
  assert.equal(await everything(), before);
  await send({});
});
