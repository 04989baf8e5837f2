import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { Refused, startMessaging } from '../testing/messaging.ts';
import { addDevice, addPerson } from '../testing/people.ts';
import type { Server } from '../testing/phones.ts';

let db: TestDatabase;
let server: Server;

before(async () => {
  db = await testDatabase();
  server = startMessaging({ url: db.url });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
});

const refusedWith = (code: string) => (error: unknown) => error instanceof Refused && error.code === code;
const publicKey = randomBytes(32).toString('base64url');
const sealed = randomBytes(500).toString('base64url');

async function phones() {
  const old = await addPerson(db.sql);
  const fresh = await addDevice(db.sql, old.userId);
  return {
    old: await server.connect(old),
    fresh: await server.connect(fresh),
    freshIdentity: fresh,
    userId: old.userId,
  };
}

test('what an older device seals reaches the new one, also after a break, and nobody else', async () => {
  const { old, fresh, freshIdentity, userId } = await phones();
  const third = await server.connect(await addDevice(db.sql, userId));
  const { linkId, expiresAt } = await fresh.request('link.offer', { publicKey });
  const lives = Date.parse(expiresAt) - Date.now();
  assert.ok(lives > 290_000 && lives <= 301_000, `${lives} ms`);
  await old.request('link.accept', { linkId, sealed });
  assert.deepEqual(await fresh.event('link.sealed'), { linkId, sealed });
  // The same answer again is a retry; another one comes too late.
  await old.request('link.accept', { linkId, sealed });
  await assert.rejects(old.request('link.accept', { linkId, sealed: publicKey }), refusedWith('not_found'));
  const again = await server.connect(freshIdentity);
  assert.deepEqual(await again.event('link.sealed'), { linkId, sealed });
  await again.request('ping', {});
  assert.deepEqual(
    [...fresh.frames, ...old.frames, ...third.frames].filter(({ type }) => type === 'link.sealed'),
    [],
  );
});

test('only another device of the same person can answer an offer, and only for five minutes', async () => {
  const { old, fresh } = await phones();
  const stranger = await server.connect(await addPerson(db.sql));
  const { linkId } = await fresh.request('link.offer', { publicKey });
  for (const attempt of [
    () => stranger.request('link.accept', { linkId, sealed }),
    () => fresh.request('link.accept', { linkId, sealed }),
    () => old.request('link.accept', { linkId: randomUUID(), sealed }),
  ]) {
    await assert.rejects(attempt, refusedWith('not_found'));
  }
  await db.sql`update link_offers set expires_at = now() where id = ${linkId}`;
  await assert.rejects(old.request('link.accept', { linkId, sealed }), refusedWith('not_found'));
});

test('an answer whose announcement was lost is found by the next look at the mailboxes, and told once', async () => {
  const { old, freshIdentity } = await phones();
  // Two instances that can't hear each other.
  await using deaf = startMessaging({ url: db.url });
  const client = await deaf.connect(freshIdentity);
  const { linkId } = await client.request('link.offer', { publicKey });
  await deaf.mailbox.check();
  await old.request('link.accept', { linkId, sealed });
  assert.equal(client.frames.filter(({ type }) => type === 'link.sealed').length, 0);
  await deaf.mailbox.check();
  assert.deepEqual(await client.event('link.sealed'), { linkId, sealed });
  await deaf.mailbox.check();
  await client.request('link.offer', { publicKey });
  assert.equal(client.frames.filter(({ type }) => type === 'link.sealed').length, 0);
});

test('a person has five open offers at most; those that were answered are not', async () => {
  const { old, fresh } = await phones();
  for (let i = 0; i < 5; i++) {
    const { linkId } = await fresh.request('link.offer', { publicKey });
    await old.request('link.accept', { linkId, sealed });
  }
  for (let i = 0; i < 5; i++) await fresh.request('link.offer', { publicKey });
  await assert.rejects(fresh.request('link.offer', { publicKey }), refusedWith('rate_limited'));
});
