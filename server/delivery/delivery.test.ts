import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { type Refused, startMessaging, type TestClient } from '../testing/messaging.ts';
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

const message = (conversationId: string, mls = 'AAAA', clientId: string = randomUUID()) => ({
  conversationId,
  clientId,
  epoch: 0,
  mls,
});

test('a message reaches every device of every member once, and the sender as a reply', async () => {
  const { ada, bob, a, b, conversationId } = await pair();
  const [a2, b2] = await Promise.all([
    server.connect(await addDevice(db.sql, ada.userId)),
    server.connect(await addDevice(db.sql, bob.userId)),
  ]);
  const clientId = randomUUID();
  const reply = await a.request('message.send', message(conversationId, 'c2VjcmV0', clientId));
  assert.equal(reply.seq, 1);
  assert.equal(reply.duplicate, false);
  for (const client of [b, a2, b2]) {
    const event = await client.event('message.new');
    assert.deepEqual(event, {
      conversationId,
      seq: 1,
      senderId: ada.userId,
      senderDeviceId: ada.deviceId,
      clientId,
      epoch: 0,
      mls: 'c2VjcmV0',
      sentAt: reply.sentAt,
    });
  }
  await a.request('ping', {});
  assert.deepEqual(
    a.frames.filter((frame) => frame.type === 'message.new'),
    [],
  );
});

test('a retry returns the first answer, and other content under its id is a conflict', async () => {
  const { a, b, conversationId } = await pair();
  const clientId = randomUUID();
  const first = await a.request('message.send', message(conversationId, 'AAAA', clientId));
  const again = await a.request('message.send', message(conversationId, 'AAAA', clientId));
  assert.deepEqual(again, { ...first, duplicate: true });
  const copies = await Promise.all(
    [1, 2, 3].map(() => a.request('message.send', message(conversationId, 'AAAA', clientId))),
  );
  for (const copy of copies) assert.deepEqual(copy, { ...first, duplicate: true });
  await assert.rejects(a.request('message.send', message(conversationId, 'BBBB', clientId)), (error: Refused) => {
    assert.equal(error.code, 'idempotency_conflict');
    assert.deepEqual(error.details, { seq: first.seq, sentAt: first.sentAt });
    return true;
  });
  await b.event('message.new');
  await b.request('ping', {});
  assert.equal(b.frames.filter((frame) => frame.type === 'message.new').length, 0);
});

test('ten thousand pipelined sends of one connection get seqs in the order they were sent', async () => {
  const { a, b, conversationId } = await pair();
  const total = 10_000;
  const seqs: number[] = [];
  let sent = 0;
  const reader = readAll(b, conversationId, total);
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (sent < total) {
        const mine = sent++;
        const { seq } = await a.request('message.send', message(conversationId));
        seqs[mine] = seq;
      }
    }),
  );
  assert.deepEqual(
    seqs,
    Array.from({ length: total }, (_, i) => i + 1),
  );
  assert.deepEqual(await reader, seqs);
});

test('fifty senders into one conversation leave no gap, and every reader sees the same order', async () => {
  const { ada, bob, conversationId } = await pair();
  const readers = await Promise.all(
    [ada, bob].map(async ({ userId }) => server.connect(await addDevice(db.sql, userId))),
  );
  const senders = await Promise.all(
    Array.from({ length: 50 }, async (_, i) =>
      server.connect(await addDevice(db.sql, (i % 2 === 0 ? ada : bob).userId)),
    ),
  );
  const each = 40;
  const logs = readers.map((reader) => readAll(reader, conversationId, 50 * each));
  const seqs = await Promise.all(
    senders.map(async (sender) => {
      const own: number[] = [];
      for (let i = 0; i < each; i++) own.push((await sender.request('message.send', message(conversationId))).seq);
      return own;
    }),
  );
  const expected = Array.from({ length: 50 * each }, (_, i) => i + 1);
  assert.deepEqual(
    seqs.flat().sort((x, y) => x - y),
    expected,
  );
  for (const log of logs) assert.deepEqual(await log, expected);
  for (const own of seqs)
    assert.deepEqual(
      own,
      [...own].sort((x, y) => x - y),
    );
});

test('a device that was away gets the backlog in order, then sync.done, then what is live', async () => {
  const { bob, a, b, conversationId } = await pair();
  b.leave();
  for (let i = 0; i < 300; i++) await a.request('message.send', message(conversationId));
  const back = await server.connect(bob);
  const order = await readAll(back, conversationId, 300);
  assert.deepEqual(
    order,
    Array.from({ length: 300 }, (_, i) => i + 1),
  );
  await back.event('sync.done');
  const { seq } = await a.request('message.send', message(conversationId));
  assert.equal((await back.event('message.new')).seq, seq);
});

test('no more than the window goes to a device that does not acknowledge', async () => {
  const { a, b, conversationId } = await pair();
  for (let i = 0; i < 400; i++) await a.request('message.send', message(conversationId));
  assert.equal(b.frames.filter((frame) => frame.type === 'message.new').length, 256);
  assert.deepEqual(
    await readAll(b, conversationId, 400),
    Array.from({ length: 400 }, (_, i) => i + 1),
  );
});

test('marks rise, reach the other side once stored, and unread follows the read mark', async () => {
  const { ada, bob, a, b, conversationId } = await pair();
  await b.request('conversation.accept', { conversationId });
  for (let i = 0; i < 3; i++) await a.request('message.send', { ...message(conversationId), silent: i === 1 });
  await readAll(b, conversationId, 3);
  const delivered = await untilReceipt(a, bob.userId, (receipt) => receipt.deliveredSeq === 3);
  assert.equal(delivered.readSeq, 0);
  const [before] = (await b.request('conversation.list', {})).conversations;
  assert.equal(before?.unread, 2);
  await b.request('receipt.read', { conversationId, seq: 2 });
  const read = await untilReceipt(a, bob.userId, (receipt) => receipt.readSeq === 2);
  assert.equal(read.unread, undefined);
  assert.equal((await untilReceipt(b, bob.userId, (receipt) => receipt.readSeq === 2)).unread, 1);
  // Lower marks change nothing.
  await b.request('receipt.read', { conversationId, seq: 1 });
  b.notify('ack', { conversationId, seq: 1 });
  const { conversation } = await a.request('conversation.get', { conversationId });
  const marks = conversation.members.map(({ userId, deliveredSeq, readSeq }) => ({ userId, deliveredSeq, readSeq }));
  assert.deepEqual(
    new Set(marks),
    new Set([
      { userId: ada.userId, deliveredSeq: 3, readSeq: 3 },
      { userId: bob.userId, deliveredSeq: 3, readSeq: 2 },
    ]),
  );
});

test('an acknowledgement beyond the log closes the connection, one of nothing does not', async () => {
  const { b, a, conversationId } = await pair();
  b.notify('ack', { conversationId, seq: 0 });
  await b.request('ping', {});
  await a.request('message.send', message(conversationId));
  b.notify('ack', { conversationId, seq: 2 });
  assert.equal((await b.ended()).code, 4500);
});

test('typing reaches the other side once both have accepted, with its own expiry', async () => {
  const { ada, a, b, conversationId } = await pair();
  await b.request('conversation.accept', { conversationId });
  await a.request('message.send', message(conversationId));
  a.notify('typing.set', { conversationId, typing: true });
  const { typing } = await b.event('typing.changed');
  assert.equal(typing[0]?.userId, ada.userId);
  assert.ok((typing[0]?.forMs ?? 0) > 1000);
  a.notify('typing.set', { conversationId, typing: false });
  assert.deepEqual((await b.event('typing.changed')).typing, []);
});

test('typing is told before the first message, too, to who has opened the conversation', async () => {
  const [ada, bob] = [await addPerson(db.sql), await addPerson(db.sql)];
  const [a, b] = [await server.connect(ada), await server.connect(bob)];
  const { conversation } = await a.request('conversation.open', { userId: bob.userId });
  await b.request('conversation.open', { userId: ada.userId });
  a.notify('typing.set', { conversationId: conversation.id, typing: true });
  assert.equal((await b.event('typing.changed')).typing[0]?.userId, ada.userId);
});

test('the same two people always have the same conversation, however they open it', async () => {
  const { ada, bob, a, b, conversationId } = await pair();
  const opened = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0
        ? a.request('conversation.open', { userId: bob.userId })
        : b.request('conversation.open', { userId: ada.userId }),
    ),
  );
  assert.deepEqual(new Set(opened.map(({ conversation }) => conversation.id)), new Set([conversationId]));
});

test('one sees a conversation someone else opened with its first message, as a request', async () => {
  const { a, b, conversationId } = await pair();
  assert.deepEqual((await b.request('conversation.list', {})).conversations, []);
  await a.request('message.send', message(conversationId));
  const { conversation } = await b.event('conversation.changed');
  assert.equal(conversation.id, conversationId);
  assert.equal(conversation.accepted, false);
  assert.equal(conversation.unread, 1);
});

test('a newer connection of the same device displaces the older one', async () => {
  const ada = await addPerson(db.sql);
  const older = await server.connect(ada);
  const newer = await server.connect(ada);
  assert.equal((await older.ended()).code, 4504);
  await newer.request('ping', {});
});

test('a newer connection that the bus did not tell of displaces the older one at the next position check', async () => {
  // With a bus of its own, which is one that loses everything.
  await using other = startMessaging({ url: db.url });
  const ada = await addPerson(db.sql);
  const older = await server.connect(ada);
  const newer = await other.connect(ada);
  await Promise.all([other.positions.check(), server.positions.check()]);
  assert.equal((await older.ended()).code, 4504);
  await newer.request('ping', {});
});

test('what is not yours is not found, and a revoked session may do nothing on its live socket', async () => {
  const { a, conversationId } = await pair();
  const eve = await addPerson(db.sql);
  const e = await server.connect(eve);
  for (const attempt of [
    () => e.request('message.send', message(conversationId)),
    () => e.request('message.history', { conversationId }),
    () => e.request('conversation.get', { conversationId }),
    () => e.request('receipt.read', { conversationId, seq: 1 }),
    () => e.request('conversation.open', { userId: randomUUID() }),
  ]) {
    await assert.rejects(attempt, (error: Refused) => error.code === 'not_found');
  }
  await assert.rejects(
    e.request('conversation.open', { userId: eve.userId }),
    (error: Refused) => error.code === 'bad_request',
  );
  await a.request('message.send', message(conversationId));
  await db.sql`update sessions set ended_at = now(), ended_reason = 'revoked' where id = ${eve.sessionId}`;
  await assert.rejects(
    e.request('message.send', message(conversationId)),
    (error: Refused) => error.code === 'unauthenticated',
  );
  await assert.rejects(server.connect(eve));
});

test('history pages in seq order, both ways', async () => {
  const { a, b, conversationId } = await pair();
  for (let i = 0; i < 120; i++) await a.request('message.send', message(conversationId));
  const seqs = (page: { messages: readonly { seq: number }[] }) => page.messages.map(({ seq }) => seq);
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const newest = await b.request('message.history', { conversationId });
  assert.deepEqual([seqs(newest), newest.more], [range(71, 120), true]);
  const older = await b.request('message.history', { conversationId, before: 71, limit: 100 });
  assert.deepEqual([seqs(older), older.more], [range(1, 70), false]);
  const next = await b.request('message.history', { conversationId, after: 100, limit: 10 });
  assert.deepEqual([seqs(next), next.more], [range(101, 110), true]);
  const last = await b.request('message.history', { conversationId, after: 110, limit: 10 });
  assert.deepEqual([seqs(last), last.more], [range(111, 120), false]);
});

async function readAll(client: TestClient, conversationId: string, total: number): Promise<number[]> {
  const seqs: number[] = [];
  while (seqs.length < total) {
    const { seq } = await client.event('message.new');
    seqs.push(seq);
    if (seq % 32 === 0 || seq === total) client.notify('ack', { conversationId, seq });
  }
  return seqs;
}

async function untilReceipt(
  client: TestClient,
  userId: string,
  test: (receipt: { deliveredSeq: number; readSeq: number }) => boolean,
) {
  for (;;) {
    const receipt = await client.event('receipt.changed');
    if (receipt.userId === userId && test(receipt)) return receipt;
  }
}
