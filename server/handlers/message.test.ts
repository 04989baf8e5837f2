import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { Refused, startMessaging } from '../testing/messaging.ts';
import { addDevice, addPerson } from '../testing/people.ts';

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

const message = (conversationId: string, mls = 'AAAA') => ({ conversationId, clientId: randomUUID(), epoch: 0, mls });

const refused = (code: string) => (error: unknown) => error instanceof Refused && error.code === code;

const stored = (conversationId: string) =>
  db.sql`select l.*, l.ctid::text as place from conversation_log l where conversation_id = ${conversationId} order by seq`;

test('a deleted message comes without its ciphertext, live as on resume, and its retry brings nothing back', async () => {
  const { ada, bob, a, b, conversationId } = await pair();
  b.leave();
  const secret = message(conversationId, 'c2VjcmV0');
  const sent = await a.request('message.send', secret);
  await a.request('message.send', message(conversationId));
  await db.sql`insert into message_search select ${conversationId}, seq, 1, '{1}' from unnest(array[1, 2]) as t (seq)`;
  const tablet = await server.connect(await addDevice(db.sql, ada.userId));
  assert.deepEqual(await tablet.request('message.delete', { conversationId, seq: 1 }), { duplicate: false });
  assert.deepEqual(await a.request('message.delete', { conversationId, seq: 1 }), { duplicate: true });
  const back = await server.connect(bob);
  const expected = {
    conversationId,
    seq: 1,
    senderId: ada.userId,
    senderDeviceId: ada.deviceId,
    clientId: secret.clientId,
    epoch: 0,
    deleted: true,
    sentAt: sent.sentAt,
  };
  assert.deepEqual(await back.event('message.new'), expected);
  assert.equal((await back.event('message.new')).seq, 2);
  assert.deepEqual(await a.request('message.send', secret), { ...sent, duplicate: true });
  await back.request('ping', {});
  for (const client of [a, back, tablet]) assert.ok(!JSON.stringify(client.frames).includes('c2VjcmV0'));
  const [row] = await stored(conversationId);
  assert.deepEqual([row?.mls, row?.content, row?.wrap, row?.wrapVersion], [null, null, null, null]);
  const tags = await db.sql`select seq from message_search where conversation_id = ${conversationId}`;
  assert.deepEqual(
    tags.map(({ seq }) => Number(seq)),
    [2],
  );
});

test('the retry of a deleted message closes a gap with the deleted form', async () => {
  const { a, conversationId } = await pair();
  const secret = message(conversationId, 'c2VjcmV0');
  await a.request('message.send', secret);
  await a.request('message.delete', { conversationId, seq: 1 });
  const told: string[] = [];
  const { entry } = server.hub;
  server.hub.entry = (...args) => {
    told.push(args[3]);
    return entry.apply(server.hub, args);
  };
  try {
    await a.request('message.send', secret);
  } finally {
    server.hub.entry = entry;
  }
  assert.equal(told.length, 1);
  assert.ok(told[0]?.includes('"deleted":true') && !told[0].includes('c2VjcmV0'), told[0]);
});

test('history pages both ways over deleted entries', async () => {
  const { a, b, conversationId } = await pair();
  for (let i = 0; i < 12; i++) await a.request('message.send', message(conversationId));
  for (const seq of [1, 4, 5, 6, 12]) await a.request('message.delete', { conversationId, seq });
  const page = async (range: { before?: number; after?: number }) => {
    const { messages, more } = await b.request('message.history', { conversationId, limit: 5, ...range });
    return [messages.map((entry) => ('deleted' in entry ? -entry.seq : entry.seq)), more];
  };
  assert.deepEqual(await page({}), [[8, 9, 10, 11, -12], true]);
  assert.deepEqual(await page({ before: 8 }), [[3, -4, -5, -6, 7], true]);
  assert.deepEqual(await page({ before: 3 }), [[-1, 2], false]);
  assert.deepEqual(await page({ after: 0 }), [[-1, 2, 3, -4, -5], true]);
  assert.deepEqual(await page({ after: 7 }), [[8, 9, 10, 11, -12], false]);
});

test('what can not be deleted is refused by name, and nothing changes', async () => {
  const { ada, a, b, conversationId } = await pair();
  await a.request('message.send', message(conversationId));
  await b.request('message.send', message(conversationId));
  await a.request('message.send', message(conversationId));
  await db.sql`insert into conversation_log
    (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent, message_count, sent_at, digest, mls)
    values (${conversationId}, 4, 2, ${ada.userId}, ${ada.deviceId}, ${randomUUID()}, 1, true, 3, now(), '\\x00', '\\x01')`;
  await db.sql`update conversations set last_seq = 4 where id = ${conversationId}`;
  const eve = await server.connect(await addPerson(db.sql));
  const untouched = await stored(conversationId);
  const remove = (client: typeof a, seq: number, id = conversationId) =>
    client.request('message.delete', { conversationId: id, seq });
  await assert.rejects(remove(a, 2), refused('forbidden'), "somebody else's");
  await assert.rejects(remove(a, 4), refused('not_found'), 'a commit');
  await assert.rejects(remove(a, 5), refused('not_found'), 'beyond the log');
  await assert.rejects(remove(a, 2 ** 52), refused('not_found'), 'far beyond the log');
  await assert.rejects(remove(a, 1, randomUUID()), refused('not_found'), 'no conversation');
  await assert.rejects(remove(eve, 1), refused('not_found'), 'not a member');
  await assert.rejects(remove(a, 0), refused('bad_request'));
  await assert.rejects(remove(a, 1.5), refused('bad_request'));
  await db.sql`update conversation_participants set left_at = now() where user_id = ${ada.userId}`;
  await assert.rejects(remove(a, 1), refused('not_found'), 'left');
  await db.sql`update conversation_participants set left_at = null, joined_seq = 2 where user_id = ${ada.userId}`;
  await assert.rejects(remove(a, 1), refused('not_found'), 'from before one joined');
  await db.sql`update users set suspended_at = now() where id = ${ada.userId}`;
  await assert.rejects(remove(a, 3), refused('unauthenticated'), 'suspended');
  assert.deepEqual(await stored(conversationId), untouched);
});

test('two deletions at once are one', async () => {
  const { a, ada, conversationId } = await pair();
  await a.request('message.send', message(conversationId));
  const tablet = await server.connect(await addDevice(db.sql, ada.userId));
  const answers = await Promise.all(
    [a, tablet, a, tablet].map((client) => client.request('message.delete', { conversationId, seq: 1 })),
  );
  assert.deepEqual(answers.map(({ duplicate }) => duplicate).sort(), [false, true, true, true]);
});
