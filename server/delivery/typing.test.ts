import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

test('whoever switches typing on and off without end is passed on a few times only', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url });
  const [ada, bob] = [await addPerson(db.sql), await addPerson(db.sql)];
  const [a, b] = [await server.connect(ada), await server.connect(bob)];
  const { conversation } = await a.request('conversation.open', { userId: bob.userId });
  const conversationId = conversation.id;
  await b.request('conversation.open', { userId: ada.userId });
  await a.request('message.send', { conversationId, clientId: ada.deviceId, epoch: 0, mls: 'AAAA' });
  await b.event('message.new');
  for (let n = 0; n < 500; n++) a.notify('typing.set', { conversationId, typing: n % 2 === 0 });
  await b.event('typing.changed');
  await turn();
  const told = 1 + b.frames.filter(({ type }) => type === 'typing.changed').length;
  assert.ok(told <= 10, `${told} times`);
});
