import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { manualClock } from '../testing/clock.ts';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';
import { createPendingTags } from './pending-tags.ts';

test('the tags of a message are filed a moment after it was stored, without a search and without a full list', async () => {
  await using db = await testDatabase();
  const clock = manualClock();
  await using server = startMessaging({ url: db.url, clock });
  const [ada, bob] = [await addPerson(db.sql), await addPerson(db.sql)];
  const client = await server.connect(ada);
  const conversationId = (await client.request('conversation.open', { userId: bob.userId })).conversation.id;
  await client.request('conversation.update', { conversationId, searchOnServer: true });
  const tags = Array.from({ length: 8 }, () => randomBytes(8)).sort(Buffer.compare);
  const search = { v: 1, tags: tags.map((tag) => tag.toString('base64url')) };
  const send = () =>
    client.request('message.send', { conversationId, clientId: randomUUID(), epoch: 0, mls: 'AAAA', search });
  /** What is left to be filed, by filing it. */
  const pages = async () => {
    const [row] = await db.sql<{ pages: string }[]>`select gin_clean_pending_list('message_search_tags') as pages`;
    return Number(row?.pages);
  };

  await send();
  assert.equal(await pages(), 1, 'they wait in the list first');
  await send();
  clock.pass(100);
  while (server.gate.counts().background.running > 0) await new Promise(setImmediate);
  assert.equal(await pages(), 0);
});

test('filing happens once for what came together, once more for what came meanwhile, and goes on after a failure', async () => {
  const clock = manualClock();
  const filings: { resolve(): void; reject(error: Error): void }[] = [];
  const failures: unknown[] = [];
  const tags = createPendingTags({
    store: { fileTags: () => new Promise((resolve, reject) => filings.push({ resolve, reject })) },
    clock,
    failed: (error) => failures.push(error),
  });
  const settle = () => new Promise(setImmediate);
  for (let n = 0; n < 10; n++) tags.added();
  clock.pass(99);
  assert.equal(filings.length, 0);
  clock.pass(1);
  assert.equal(filings.length, 1);
  tags.added();
  clock.pass(1_000);
  assert.equal(filings.length, 1, 'one at a time');
  filings[0]?.reject(new Error('away'));
  await settle();
  assert.equal(failures.length, 1);
  clock.pass(59_999);
  assert.equal(filings.length, 1, 'not again and again');
  clock.pass(1);
  assert.equal(filings.length, 2);
  filings[1]?.resolve();
  await settle();
  clock.pass(1_000);
  assert.equal(filings.length, 2, 'nothing came');
  tags.added();
  tags.stop();
  clock.pass(1_000);
  assert.equal(filings.length, 2, 'stopped');
});
