import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MessageEntry } from '../protocol/index.ts';
import { type MessageCodec, plainCodec } from './codec.ts';
import { Inbox } from './inbox.ts';
import type { Entry } from './records.ts';
import { Stopped } from './steady.ts';
import { memoryStore } from './store.ts';
import { SimClock, seeded } from './testing/sim-clock.ts';
import { World } from './testing/world.ts';
import { Turns } from './turns.ts';

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const [ROOM, ME, OTHER, LOG] = [id(1), id(2), id(3), id(4)];

const entryAt = (seq: number): MessageEntry => ({
  conversationId: ROOM,
  seq,
  senderId: OTHER,
  senderDeviceId: OTHER,
  clientId: id(1000 + seq),
  epoch: 0,
  mls: Buffer.from(JSON.stringify({ type: 'text', text: `m${seq}` })).toString('base64url'),
  sentAt: '2026-01-01T00:00:00.000Z',
});

test('any interleaving of duplicates, gaps and disorder is handed over once and in order', async () => {
  const arrivals = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 60 });
  await fc.assert(fc.asyncProperty(arrivals, fc.integer(), inOrder), { numRuns: 150, includeErrorInReport: true });
});

test('a client that is closed while entries wait leaves them, and does not try for ever', async () => {
  const clock = new SimClock();
  const store = memoryStore();
  const life = new AbortController();
  let refused = 0;
  const inbox = new Inbox({
    store,
    async write(changes) {
      if (!life.signal.aborted) return store.write(changes);
      refused += 1;
      // Trying again at once would never let the event loop go on, and no test could say so.
      if (refused > 100) await new Promise(() => undefined);
      throw new Stopped();
    },
    codec: plainCodec,
    clock,
    random: () => 0.5,
    turns: new Turns(),
    signal: life.signal,
    handlerTries: 3,
    me: () => ({ userId: ME, deviceId: ME }),
    greeting: () => ({ logId: LOG, serverTime: clock.now(), synced: false }),
    connected: () => true,
    history: async () => ({ messages: [], more: false }),
    ack: () => true,
    handle: async () => life.abort(),
    onFailedEntry: () => assert.fail(),
    outgoing: () => undefined,
    onSettled: () => undefined,
    relive: () => ({ records: [], admit: () => undefined }),
    onReady: () => undefined,
    onProblem: assert.ifError,
  });
  await inbox.load();
  inbox.greeted(LOG);
  for (const seq of [1, 2, 3]) inbox.arrived(entryAt(seq));
  await clock.advance(1_000);
  assert.ok(refused < 5, `tried ${refused} times`);
  assert.equal(inbox.busy, false);
});

test('after a reconnect all conversations are acknowledged once more, but not in one moment', async () => {
  const clock = new SimClock();
  const store = memoryStore();
  const rooms = Array.from({ length: 1_000 }, (_, n) => id(10_000 + n));
  let connected = true;
  let acks: { at: number; room: string }[] = [];
  const inbox = new Inbox({
    store,
    write: (changes) => store.write(changes),
    codec: plainCodec,
    clock,
    random: () => 0.5,
    turns: new Turns(),
    signal: new AbortController().signal,
    handlerTries: 3,
    me: () => ({ userId: ME, deviceId: ME }),
    greeting: () => (connected ? { logId: LOG, serverTime: clock.now(), synced: false } : undefined),
    connected: () => connected,
    history: async () => ({ messages: [], more: false }),
    ack: (room) => {
      if (connected) acks.push({ at: clock.now(), room });
      return connected;
    },
    handle: async () => undefined,
    onFailedEntry: () => assert.fail(),
    outgoing: () => undefined,
    onSettled: () => undefined,
    relive: () => ({ records: [], admit: () => undefined }),
    onReady: () => undefined,
    onProblem: assert.ifError,
  });
  await inbox.load();
  inbox.greeted(LOG);
  for (const conversationId of rooms) inbox.arrived({ ...entryAt(1), conversationId });
  await clock.advance(1_000);
  const told = () => acks.map(({ room }) => room).sort();
  assert.deepEqual(told(), rooms);

  // One session ends in the middle of that; the next begins anew.
  for (const ms of [250, 60_000]) {
    connected = false;
    await clock.advance(1_000);
    connected = true;
    acks = [];
    inbox.greeted(LOG);
    await clock.advance(ms);
    for (const { at } of acks) {
      const inOneMoment = acks.filter((ack) => ack.at >= at && ack.at < at + 100).length;
      assert.ok(inOneMoment <= 200, `${inOneMoment} in 100 ms`);
    }
  }
  assert.deepEqual(told(), rooms);
});

async function inOrder(seqs: number[], seed: number): Promise<void> {
  const clock = new SimClock();
  const random = seeded(seed);
  const store = memoryStore();
  const got: number[] = [];
  const acks: number[] = [];
  const inbox = new Inbox({
    store,
    write: (changes) => store.write(changes),
    codec: plainCodec,
    clock,
    random,
    turns: new Turns(),
    signal: new AbortController().signal,
    handlerTries: 3,
    me: () => ({ userId: ME, deviceId: ME }),
    greeting: () => ({ logId: LOG, serverTime: clock.now(), synced: false }),
    connected: () => true,
    history: async ({ after = 0, limit = 50 }) => {
      if (random() < 0.2) throw new Error('not now');
      const messages = Array.from({ length: Math.min(limit, 30 - after, 7) }, (_, n) => entryAt(after + n + 1));
      return { messages, more: after + messages.length < 30 };
    },
    ack: (_room, seq) => {
      assert.ok(seq <= (got.at(-1) ?? 0), 'acknowledged only what the handler has finished');
      acks.push(seq);
      return true;
    },
    handle: async ({ seq }: Entry) => {
      await new Promise<void>((resolve) => clock.after(random() * 50, resolve));
      got.push(seq);
    },
    onFailedEntry: () => assert.fail(),
    outgoing: () => undefined,
    onSettled: () => undefined,
    relive: () => ({ records: [], admit: () => undefined }),
    onReady: () => undefined,
    onProblem: () => undefined,
  });
  await inbox.load();
  inbox.greeted(LOG);
  for (const seq of seqs) {
    inbox.arrived(entryAt(seq));
    if (random() < 0.5) await clock.advance(random() * 600);
  }
  await clock.advance(600_000);
  const first = got[0] ?? 0;
  const last = Math.max(...seqs);
  assert.ok(got.length > 0 && first <= (seqs[0] ?? 0));
  assert.deepEqual(
    got,
    Array.from({ length: got.length }, (_, n) => first + n),
  );
  assert.ok((got.at(-1) ?? 0) >= last, 'nothing that was announced is missing');
  assert.equal(acks.at(-1), got.at(-1));
  assert.deepEqual(
    acks,
    acks.toSorted((a, b) => a - b),
    'acknowledgements never fall',
  );
}

test('a conversation begins with what was written since hello, however much of that is overtaken', async () => {
  const clock = new SimClock();
  const store = memoryStore();
  const got: number[] = [];
  const old = 40;
  const sentAt = (seq: number): string => new Date(clock.now() - (seq <= old ? 60_000 : 0)).toISOString();
  const log = Array.from({ length: 500 }, (_, i) => ({ ...entryAt(i + 1), sentAt: sentAt(i + 1) }));
  const inbox = new Inbox({
    store,
    write: (changes) => store.write(changes),
    codec: plainCodec,
    clock,
    random: seeded(1),
    turns: new Turns(),
    signal: new AbortController().signal,
    handlerTries: 3,
    me: () => ({ userId: ME, deviceId: ME }),
    greeting: () => ({ logId: LOG, serverTime: clock.now(), synced: true }),
    connected: () => true,
    history: async ({ after, before = 501, limit = 50 }) => {
      const messages = after === undefined ? log.slice(0, before - 1).slice(-limit) : log.slice(after, after + limit);
      return { messages, more: true };
    },
    ack: () => true,
    handle: async ({ seq }: Entry) => void got.push(seq),
    onFailedEntry: () => assert.fail(),
    outgoing: () => undefined,
    onSettled: () => undefined,
    relive: () => ({ records: [], admit: () => undefined }),
    onReady: () => undefined,
    onProblem: () => undefined,
  });
  await inbox.load();
  inbox.greeted(LOG);
  inbox.arrived({ ...entryAt(500), sentAt: sentAt(500) });
  await clock.advance(10_000);
  assert.deepEqual([got[0], got.at(-1), got.length], [old + 1, 500, 500 - old]);
});

test('many entries at once are acknowledged together', async () => {
  const world = new World(5);
  const [ada, bob] = [await world.device(), await world.device()];
  const room = world.server.addRoom(ada.userId, bob.userId);
  await ada.client.start();
  for (let n = 1; n <= 100; n += 1) await ada.client.send(room, { type: 'text', text: `m${n}` });
  await world.settle(20_000);
  await bob.client.start();
  await world.settle(20_000);
  assert.equal(bob.got.get(room)?.length, 100);
  const acks = world.server.acks.filter(({ deviceId }) => deviceId === bob.deviceId);
  assert.ok(acks.length < 50, `${acks.length} acknowledgements for 100 entries`);
  assert.equal(acks.at(-1)?.seq, 100);
  await Promise.all([ada.client.close(), bob.client.close()]);
});

test('an entry that cannot be read is tried again, handed over with its reason, and acknowledged', async () => {
  const world = new World(6);
  let tries = 0;
  const codec: MessageCodec = {
    ...plainCodec,
    async decode(entry) {
      if (entry.seq === 2 && ++tries > 0) throw new Error('no key for it');
      return plainCodec.decode(entry);
    },
  };
  const [ada, bob] = [await world.device(), await world.device({ codec })];
  const room = world.server.addRoom(ada.userId, bob.userId);
  await Promise.all([ada.client.start(), bob.client.start()]);
  await world.settle(5_000);
  for (const text of ['one', 'two', 'three']) await ada.client.send(room, { type: 'text', text });
  await world.settle(20_000);
  assert.deepEqual(bob.got.get(room), ['1 one', '2 (unreadable)', '3 three']);
  assert.equal(tries, 3);
  assert.equal(world.server.devices.get(bob.deviceId)?.cursors.get(room), 3);
  await Promise.all([ada.client.close(), bob.client.close()]);
});

test('a handler that never finishes holds its conversation up for a bounded time', async () => {
  const world = new World(7);
  const [ada, bob] = [await world.device(), await world.device({ handlerTimeoutMs: 5_000 })];
  const room = world.server.addRoom(ada.userId, bob.userId);
  const failed: string[] = [];
  const seen: number[] = [];
  bob.client.receive((entry) => {
    seen.push(entry.seq);
    return entry.seq === 1 ? new Promise<void>(() => undefined) : undefined;
  });
  bob.client.on('failed', (entry) => failed.push(`${entry.seq} ${entry.failure?.code}`));
  await Promise.all([ada.client.start(), bob.client.start()]);
  await world.settle(2_000);
  for (const text of ['one', 'two']) await ada.client.send(room, { type: 'text', text });
  await world.settle(20_000);
  assert.deepEqual([seen, failed], [[1, 2], ['1 handler_failed']]);
  await Promise.all([ada.client.close(), bob.client.close()]);
});
