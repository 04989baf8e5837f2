import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

test('acknowledging welcomes that a connection was not given costs no query', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url });
  const client = await server.connect(await addPerson(db.sql));
  const before = server.gate.counts();
  for (let n = 0; n < 1_000; n++) client.notify('welcome.ack', { id: randomUUID() });
  const after = server.gate.counts();
  assert.equal(after.append.running + after.append.waiting, 0);
  assert.deepEqual([after.append.refused, after.read.refused], [before.append.refused, before.read.refused]);
  assert.ok(after.read.waiting <= before.read.waiting);
  assert.equal(client.closed, undefined);
});

test('what people ask for at will does not wait in the line of those who send', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url });
  const ada = await addPerson(db.sql);
  const client = await server.connect(ada);
  const { userId } = await addPerson(db.sql);
  const { conversation } = await client.request('conversation.open', { userId });
  const conversationId = conversation.id;
  const publicKey = Buffer.alloc(32, 1).toString('base64url');
  const asked = [
    client.post('conversation.open', { userId }),
    client.post('conversation.accept', { conversationId }),
    client.post('keys.claim', { conversationId }),
    client.post('keys.publish', { packages: [] }),
    client.post('link.offer', { publicKey }),
    client.post('link.accept', { linkId: randomUUID(), sealed: publicKey }),
  ];
  const settled = Promise.allSettled(asked);
  const appending: number[] = [];
  let over = false;
  void settled.then(() => {
    over = true;
  });
  while (!over) {
    const { running, waiting } = server.gate.counts().append;
    appending.push(running + waiting);
    await new Promise(setImmediate);
  }
  assert.equal(Math.max(...appending), 0);
  const codes = (await settled).map((answer) => (answer.status === 'fulfilled' ? 'ok' : String(answer.reason)));
  assert.deepEqual(codes.slice(0, 3), ['ok', 'ok', 'ok']);
});
