import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { StoreUnavailable } from '../store/errors.ts';
import { manualClock } from '../testing/clock.ts';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';
import { createReceipts } from './receipts.ts';

test('the acknowledgements of one connection that wait to be stored are bounded', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url });
  const client = await server.connect(await addPerson(db.sql));
  for (let n = 0; n < 5_000; n++) client.notify('ack', { conversationId: randomUUID(), seq: 1 });
  assert.equal(client.closed?.code, 4001);
  assert.ok(server.receipts.waiting <= 4_096, `${server.receipts.waiting} wait`);
});

/** Marks of a real connection, over a store that is away until it is told otherwise. */
async function offline(t: TestContext) {
  const db = await testDatabase();
  const server = startMessaging({ url: db.url });
  t.after(async () => {
    await server[Symbol.asyncDispose]();
    await db[Symbol.asyncDispose]();
  });
  const client = await server.connect(await addPerson(db.sql));
  const [connection] = server.hub.connections();
  assert.ok(connection !== undefined);
  const clock = manualClock();
  const store = { away: true, asked: 0, stored: [] as number[] };
  const { userId } = connection;
  const receipts = createReceipts({
    store: {
      async writeReceipts(writes) {
        store.asked += 1;
        if (store.away) throw new StoreUnavailable('not_done', 'away');
        store.stored.push(...writes.map(({ ackSeq }) => ackSeq));
        const marks = { deliveredSeq: 7, readSeq: 0, rose: false, unread: undefined, audience: [] };
        return writes.map(() => ({ outcome: 'written', userId, ...marks }) as const);
      },
    },
    hub: server.hub,
    clock,
    failed() {},
  });
  async function pass(seconds: number): Promise<void> {
    for (; seconds > 0; seconds--) {
      clock.pass(1_000);
      await turn();
    }
  }
  return { receipts, connection, client, store, pass };
}

test('an acknowledgement waits for a database that is away for a minute', async (t) => {
  const { receipts, connection, client, store, pass } = await offline(t);
  receipts.ack(connection, randomUUID(), 7);
  await pass(60);
  assert.ok(store.asked >= 25, `asked ${store.asked} times`);
  store.away = false;
  await pass(3);
  assert.deepEqual(store.stored, [7]);
  assert.equal(receipts.waiting, 0);
  assert.equal(client.closed, undefined);
});

test('a server that stops asks a database that is away once more, and waits no longer', async (t) => {
  const { receipts, connection, store, pass } = await offline(t);
  for (let n = 0; n < 5; n++) receipts.ack(connection, randomUUID(), 7);
  await pass(5);
  const read = assert.rejects(receipts.read(connection, randomUUID(), 7), StoreUnavailable);
  const { asked } = store;
  await receipts.flush();
  await read;
  assert.equal(store.asked, asked + 1);
  assert.equal(receipts.waiting, 0);
  await pass(5);
  assert.equal(store.asked, asked + 1, 'nothing is left that asks');
});
