import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { Refused, startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

test('nobody looks up keys, or opens conversations with strangers, without end', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url, limitFactor: 0.001 });
  const client = await server.connect(await addPerson(db.sql));
  const { userId } = await addPerson(db.sql);
  const limited = (bucket: string) => (error: unknown) =>
    error instanceof Refused && error.code === 'rate_limited' && error.details?.bucket === bucket;
  await client.request('conversation.open', { userId });
  await assert.rejects(client.request('conversation.open', { userId }), limited('open'));
  await client.request('keys.devices', { userId });
  await client.request('keys.devices', { userId });
  await assert.rejects(client.request('keys.devices', { userId }), limited('key_lookup'));
});
