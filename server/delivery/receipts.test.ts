import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

test('the acknowledgements of one connection that wait to be stored are bounded', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url });
  const client = await server.connect(await addPerson(db.sql));
  for (let n = 0; n < 5_000; n++) client.notify('ack', { conversationId: randomUUID(), seq: 1 });
  assert.equal(client.closed?.code, 4001);
  assert.ok(server.receipts.waiting <= 4_096, `${server.receipts.waiting} wait`);
});
