import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { Refused, startMessaging, type TestClient } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

let db: TestDatabase;
let server: ReturnType<typeof startMessaging>;

before(async () => {
  db = await testDatabase();
  server = startMessaging({ url: db.url });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
});

async function pair() {
  const [ada, bob] = await Promise.all([addPerson(db.sql), addPerson(db.sql)]);
  const [a, b] = await Promise.all([server.connect(ada), server.connect(bob)]);
  const { conversation } = await a.request('conversation.open', { userId: bob.userId });
  return { ada, bob, a, b, conversationId: conversation.id };
}

const send = (client: TestClient, conversationId: string) =>
  client.request('message.send', { conversationId, clientId: randomUUID(), epoch: 0, mls: 'AAAA' });

const refused = (code: string) => (error: unknown) => error instanceof Refused && error.code === code;

test('any member changes what the members agree on, and all of them are told', async () => {
  const { a, b, conversationId } = await pair();
  await send(a, conversationId);
  const { conversation: first } = await b.event('conversation.changed');
  assert.deepEqual([first.searchOnServer, first.expireAfterMs], [false, null]);
  const { conversation } = await b.request('conversation.update', { conversationId, searchOnServer: true });
  assert.deepEqual([conversation.searchOnServer, conversation.expireAfterMs], [true, null]);
  await b.request('conversation.update', { conversationId, expireAfterMs: 60_000 });
  const seen = [];
  // Two changes at once may be told as one.
  do seen.push((await a.event('conversation.changed')).conversation);
  while (seen.at(-1)?.expireAfterMs !== 60_000);
  assert.equal(seen.at(-1)?.searchOnServer, true, 'what was not given stays');
  const last = await a.request('conversation.update', { conversationId, searchOnServer: false, expireAfterMs: null });
  assert.deepEqual([last.conversation.searchOnServer, last.conversation.expireAfterMs], [false, null]);
});

test('accepting tells the others of the marks that it uncovers', async () => {
  const { a, b, bob, conversationId } = await pair();
  await send(a, conversationId);
  await b.event('message.new');
  await b.request('receipt.read', { conversationId, seq: 1 });
  const marksOfBob = async () => {
    const { conversation } = await a.event('conversation.changed');
    return conversation.members.find(({ userId }) => userId === bob.userId)?.readSeq;
  };
  assert.deepEqual([await marksOfBob(), await marksOfBob()], [0, 0], 'when it was opened, and with its first entry');
  await b.request('conversation.accept', { conversationId });
  assert.equal(await marksOfBob(), 1);
});

test('a change that changes nothing is told to nobody, and one before the first entry only to who made it', async () => {
  const { a, b, conversationId } = await pair();
  await a.event('conversation.changed');
  await a.request('conversation.update', { conversationId, expireAfterMs: 60_000 });
  assert.equal((await a.event('conversation.changed')).conversation.expireAfterMs, 60_000);
  await a.request('conversation.update', { conversationId, expireAfterMs: 60_000 });
  await send(a, conversationId);
  const { conversation } = await b.event('conversation.changed');
  assert.deepEqual([conversation.lastSeq, conversation.expireAfterMs], [1, 60_000]);
  await a.event('conversation.changed');
  const before = await db.sql`select changed_at from conversations where id = ${conversationId}`;
  await a.request('conversation.update', { conversationId, expireAfterMs: 60_000, searchOnServer: false });
  assert.deepEqual(await db.sql`select changed_at from conversations where id = ${conversationId}`, before);
});

test('a device that was away is told on resume', async () => {
  const { a, b, bob, conversationId } = await pair();
  await send(a, conversationId);
  b.leave();
  await a.request('conversation.update', { conversationId, searchOnServer: true });
  const again = await server.connect(bob);
  assert.equal((await again.event('conversation.changed')).conversation.searchOnServer, true);
});

test('nobody else changes it, nor anybody who is blocked, has left or whose session has ended', async () => {
  const { a, b, ada, bob, conversationId } = await pair();
  await send(a, conversationId);
  const eve = await server.connect(await addPerson(db.sql));
  const change = { conversationId, searchOnServer: true, expireAfterMs: 60_000 };
  await assert.rejects(eve.request('conversation.update', change), refused('not_found'));
  await assert.rejects(
    a.request('conversation.update', { ...change, conversationId: randomUUID() }),
    refused('not_found'),
  );
  await db.sql`insert into blocks (user_id, blocked_id) values (${bob.userId}, ${ada.userId})`;
  await assert.rejects(a.request('conversation.update', change), refused('forbidden'));
  await db.sql`delete from blocks where user_id = ${bob.userId}`;
  await db.sql`update conversation_participants set left_at = now() where user_id = ${ada.userId}`;
  await assert.rejects(a.request('conversation.update', change), refused('not_found'));
  await db.sql`update users set suspended_at = now() where id = ${bob.userId}`;
  await assert.rejects(b.request('conversation.update', change), refused('unauthenticated'));
  const [row] = await db.sql`select search_on_server, expire_after_ms from conversations where id = ${conversationId}`;
  assert.deepEqual({ ...row }, { searchOnServer: false, expireAfterMs: null });
});

test('values that can not be are bad requests and change nothing', async () => {
  const { a, conversationId } = await pair();
  const wrong = [
    {},
    { expireAfterMs: 59_999 },
    { expireAfterMs: 0 },
    { expireAfterMs: -60_000 },
    { expireAfterMs: 60_000.5 },
    { expireAfterMs: 3650 * 86_400_000 + 1 },
    { expireAfterMs: '60000' as never },
    { searchOnServer: null as never },
    { searchOnServer: 'yes' as never },
    { searchOnServer: true, expireAfterMs: 1 },
  ];
  for (const change of wrong)
    await assert.rejects(a.request('conversation.update', { conversationId, ...change }), refused('bad_request'));
  const { conversation } = await a.request('conversation.get', { conversationId });
  assert.deepEqual([conversation.searchOnServer, conversation.expireAfterMs], [false, null]);
});
