import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

test('a connection that floods notifications is closed and may come back', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url });
  const client = await server.connect(await addPerson(db.sql));
  const frame = JSON.stringify({ type: 'nothing.known', body: { pad: 'x'.repeat(150_000) } });
  for (let n = 0; n < 8_000 && client.closed === undefined; n++) client.raw(frame);
  assert.equal(client.closed?.code, 4001);
});
