import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { createRedisBus } from '../bus/redis.ts';
import { testDatabase } from '../testing/database.ts';
import { type Refused, startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';
import { privateRedis } from '../testing/redis-server.ts';

const message = (conversationId: string) => ({ conversationId, clientId: randomUUID(), epoch: 0, mls: 'AAAA' });

test('with a full disk sends are unavailable, one by one and many at once; the same bytes are stored when there is room', async (t) => {
  await using db = await testDatabase();
  const server = startMessaging({ url: db.url });
  t.after(() => server[Symbol.asyncDispose]());
  const [ada, bob] = await Promise.all([addPerson(db.sql), addPerson(db.sql)]);
  const [a, b] = await Promise.all([server.connect(ada), server.connect(bob)]);
  const { conversation } = await a.request('conversation.open', { userId: bob.userId });
  await db.sql.unsafe(`
    create function no_room() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
    create trigger no_room before insert on conversation_log execute function no_room()`);
  const sends = Array.from({ length: 20 }, () => message(conversation.id));
  const send = (one: (typeof sends)[number]) => a.request('message.send', one);
  const first = sends[0];
  assert.ok(first);
  await assert.rejects(send(first), ({ code }: Refused) => code === 'unavailable');
  const refused = await Promise.allSettled(sends.map(send));
  for (const one of refused) assert.equal(one.status === 'rejected' && one.reason.code, 'unavailable');

  await db.sql`drop trigger no_room on conversation_log`;
  const stored = await Promise.all(sends.map(send));
  assert.deepEqual(
    stored.map(({ seq, duplicate }) => [seq, duplicate]),
    sends.map((_, i) => [i + 1, false]),
  );
  for (const { clientId } of sends) assert.equal((await b.event('message.new')).clientId, clientId);
});

async function instance(t: TestContext, url: string, redisUrl: string) {
  const bus = createRedisBus({ address: { kind: 'server', url: redisUrl }, heartbeatMs: 200 });
  const server = startMessaging({ url, bus });
  t.after(async () => {
    await server[Symbol.asyncDispose]();
    await bus.close();
  });
  return server;
}

test('messages, typing and receipts reach people on another instance', async (t) => {
  await using db = await testDatabase();
  await using redis = await privateRedis();
  const [here, there] = [await instance(t, db.url, redis.url), await instance(t, db.url, redis.url)];
  const [ada, bob] = await Promise.all([addPerson(db.sql), addPerson(db.sql)]);
  const [a, b] = await Promise.all([here.connect(ada), there.connect(bob)]);
  const { conversation } = await a.request('conversation.open', { userId: bob.userId });
  await b.request('conversation.accept', { conversationId: conversation.id });

  const { seq } = await a.request('message.send', message(conversation.id));
  assert.equal((await b.event('message.new')).seq, seq);
  a.notify('typing.set', { conversationId: conversation.id, typing: true });
  assert.equal((await b.event('typing.changed')).typing[0]?.userId, ada.userId);
  b.notify('ack', { conversationId: conversation.id, seq });
  await b.request('receipt.read', { conversationId: conversation.id, seq });
  for (;;) {
    const { userId, readSeq } = await a.event('receipt.changed');
    if (userId === bob.userId && readSeq === seq) break;
  }
});
