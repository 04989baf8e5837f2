import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { privateRedis } from '../testing/redis-server.ts';
import { createRedisBus } from './redis.ts';
import { entry, type WatchedBus, watchedBus } from './testing.ts';

const healthy = (...buses: WatchedBus[]): Promise<unknown> =>
  Promise.all(buses.map((watched) => watched.until(() => !watched.bus.doubtful, 'healthy')));

const doubts = (watched: WatchedBus): number => watched.heard.filter((item) => item === 'doubt').length;
const seqs = (watched: WatchedBus): number[] =>
  watched.heard.flatMap((item) => (item !== 'doubt' && item.message.class === 'durable' ? [item.message.seq] : []));

test('the bus on one Redis server', { timeout: 120_000 }, async (t) => {
  await using redis = await privateRedis();
  const address = { kind: 'server', url: redis.url } as const;
  let next = 0;
  const pair = async (): Promise<AsyncDisposableStackLike & { a: WatchedBus; b: WatchedBus; prefix: string }> => {
    const prefix = `t${next++}:`;
    const a = watchedBus(address, prefix);
    const b = watchedBus(address, prefix);
    await healthy(a, b);
    return {
      a,
      b,
      prefix,
      [Symbol.asyncDispose]: async () => void (await Promise.all([a.bus.close(), b.bus.close()])),
    };
  };

  await t.test('what one instance publishes reaches the other unchanged and in order, and not itself', async () => {
    await using buses = await pair();
    const { a, b } = buses;
    await Promise.all([a.bus.subscribe('ann'), b.bus.subscribe('ann')]);
    const sent = [
      entry('c', 1),
      { class: 'state', key: 'k', frame: '{"a":"\\n\u00e9\ud83d\ude00"}' } as const,
      { class: 'ephemeral', key: 'k', frame: 'x\ny' } as const,
      { class: 'control', control: { kind: 'displaced', deviceId: 'd', connectionNo: 7 } } as const,
      entry('c', 2, undefined),
    ];
    const before = b.heard.length;
    for (const message of sent) a.bus.publish(['ann'], message);
    await b.until(() => b.heard.length === before + sent.length, 'all heard');
    assert.deepEqual(
      b.heard.slice(before),
      sent.map((message) => ({ user: 'ann', message })),
    );
    assert.equal(a.counts.received, 0);
  });

  await t.test('a subscription counts: only the last unsubscribe ends it', async () => {
    await using buses = await pair();
    const { a, b, prefix } = buses;
    await b.bus.subscribe('ann');
    await b.bus.subscribe('ann');
    b.bus.unsubscribe('ann');
    a.bus.publish(['ann'], entry('c', 1));
    await b.until(() => seqs(b).length === 1, 'heard while one is left');
    b.bus.unsubscribe('ann');
    b.bus.unsubscribe('ann');
    // Commands of one connection are carried out in order: after bob is confirmed, ann is gone.
    await b.bus.subscribe('bob');
    a.bus.publish(['ann'], entry('c', 2));
    a.bus.publish(['bob'], entry('d', 3));
    await b.until(() => seqs(b).includes(3), 'bob heard');
    assert.deepEqual(seqs(b), [1, 3]);
    assert.match(await redis.cli('pubsub', 'numsub', `${prefix}user:ann`), /\n0$/);
  });

  await t.test('subscribing 20,000 users takes few commands and each is confirmed', async () => {
    await using buses = await pair();
    const { a, b } = buses;
    const users = Array.from({ length: 20_000 }, (_, i) => `user${i}`);
    await Promise.all(users.map((user) => b.bus.subscribe(user)));
    for (const user of users) a.bus.publish([user], entry(user, 1));
    await b.until(() => b.counts.received === users.length, 'all users heard');
  });

  await t.test('large entries and entries for many travel without content', async () => {
    await using buses = await pair();
    const { a, b } = buses;
    const many = Array.from({ length: 9 }, (_, i) => `u${i}`);
    await Promise.all(['ann', ...many].map((user) => b.bus.subscribe(user)));
    a.bus.publish(['ann'], entry('c', 1, 'x'.repeat(4097)));
    a.bus.publish(['ann'], entry('c', 2, 'x'.repeat(4096)));
    a.bus.publish(many, entry('c', 3));
    await b.until(() => b.counts.received === 11, 'all heard');
    const frames = b.heard.flatMap((item) =>
      item !== 'doubt' && item.message.class === 'durable' ? [item.message.frame?.length] : [],
    );
    assert.deepEqual(frames, [undefined, 4096, ...many.map(() => undefined)]);
  });

  await t.test('what is not a bus message is counted and dropped', async () => {
    await using buses = await pair();
    const { a, b, prefix } = buses;
    await b.bus.subscribe('ann');
    await redis.cli('publish', `${prefix}user:ann`, 'rubbish');
    await redis.cli('publish', `${prefix}user:ann`, 'sotto1 messages x 1 1\nd c 1 100\nshort');
    a.bus.publish(['ann'], entry('c', 1));
    await b.until(() => seqs(b).length === 1, 'the good one heard');
    assert.equal(b.counts.invalid, 2);
  });

  await t.test('a fault in the listener is reported and does not end the connection', async () => {
    await using buses = await pair();
    const { a, b } = buses;
    await b.bus.subscribe('ann');
    let calls = 0;
    b.bus.listen({
      message() {
        calls += 1;
        throw new Error('on purpose');
      },
      doubt() {},
    });
    a.bus.publish(['ann'], entry('c', 1));
    await b.until(() => b.counts.received === 1, 'received');
    assert.equal(calls, 1);
    assert.equal(b.faults.length, 1);
    assert.equal(b.bus.doubtful, false);
  });

  await t.test(
    'killed subscriber connections come back by themselves, then everyone looks; nothing else is lost',
    async () => {
      await using buses = await pair();
      const { a, b } = buses;
      await Promise.all([b.bus.subscribe('ann'), b.bus.subscribe('bob')]);
      for (let round = 1; round <= 10; round++) {
        const unhealthy = b.counts.unhealthy;
        const before = doubts(b);
        await redis.cli('client', 'kill', 'type', 'pubsub');
        await b.until(() => b.counts.unhealthy > unhealthy && !b.bus.doubtful, 'broken and healthy again');
        assert.ok(doubts(b) >= before + 2, 'doubt when it broke and when it came back');
        await a.until(() => !a.bus.doubtful, 'the publisher too');
        a.bus.publish([round % 2 === 0 ? 'ann' : 'bob'], entry('c', round));
        await b.until(() => seqs(b).includes(round), `message ${round} after the kill`);
      }
    },
  );

  await t.test('a silent Redis is found by the heartbeat, in bounded time, and nobody waits for it', async () => {
    await using buses = await pair();
    const { a, b } = buses;
    await b.bus.subscribe('ann');
    redis.freeze();
    try {
      await b.until(() => b.bus.doubtful, 'found silent', 3000);
      const start = performance.now();
      await b.bus.subscribe('late');
      assert.ok(performance.now() - start < 2000, 'subscribing did not hang');
      for (let seq = 1; seq <= 1000; seq++) a.bus.publish(['ann', 'late'], entry('c', seq));
      await a.until(() => a.counts.unpublished === 2000, 'given up');
    } finally {
      redis.thaw();
    }
    await Promise.all([a, b].map((one) => one.until(() => !one.bus.doubtful, 'healthy again', 5000)));
    const heardBy = (user: string) =>
      b.heard.some(
        (item) =>
          item !== 'doubt' && item.user === user && item.message.class === 'durable' && item.message.seq === 1000,
      );
    // Whoever was healthy before the announcement hears it; whoever comes back later is told to look at once.
    await b.until(
      () => (heardBy('ann') && heardBy('late')) || b.heard.at(-1) === 'doubt',
      'announced, or told to look',
    );
  });

  await t.test('while Redis is gone publishing is kept and announced, state by its latest value', async () => {
    await using buses = await pair();
    const { a, b } = buses;
    await b.bus.subscribe('ann');
    await redis.kill();
    await Promise.all([a, b].map((one) => one.until(() => one.bus.doubtful, 'doubtful', 2000)));
    const start = performance.now();
    await b.bus.subscribe('bob');
    assert.ok(performance.now() - start < 100, 'subscribing answers at once while the bus is down');
    for (let seq = 1; seq <= 100; seq++) a.bus.publish(['ann', 'bob'], entry('c', seq));
    for (let i = 1; i <= 100; i++) a.bus.publish(['ann'], { class: 'state', key: 'receipt', frame: `{"i":${i}}` });
    a.bus.publish(['ann'], { class: 'ephemeral', key: 'typing', frame: '{}' });
    await a.until(() => a.counts.unpublished === 301, 'kept');
    await redis.start();
    await Promise.all([a, b].map((one) => one.until(() => !one.bus.doubtful, 'healthy again', 5000)));
    // If b came back after a, it missed the announcement, and was told to look instead.
    await b.until(
      () => b.counts.received >= 3 || (b.counts.received === 0 && a.counts.published >= 3),
      'announced or looked',
    );
    if (b.counts.received > 0) {
      const heard = b.heard
        .filter((item) => item !== 'doubt')
        .sort((x, y) => JSON.stringify(x).localeCompare(JSON.stringify(y)));
      assert.deepEqual(heard, [
        { user: 'ann', message: { class: 'durable', conversationId: 'c', seq: 100, frame: undefined } },
        { user: 'ann', message: { class: 'state', key: 'receipt', frame: '{"i":100}' } },
        { user: 'bob', message: { class: 'durable', conversationId: 'c', seq: 100, frame: undefined } },
      ]);
    }
    assert.ok(doubts(b) >= 2);
  });

  await t.test('others are told since when too much to be kept could not be published', async () => {
    await using buses = await pair();
    const { b, prefix } = buses;
    // Nothing finds room: it is kept, until that is too much as well.
    const full = createRedisBus({ address, prefix, heartbeatMs: 250, maxQueueLength: 1 });
    while (full.doubtful) await new Promise(setImmediate);
    const told = new Promise<number | undefined>((resolve) => b.bus.listen({ message() {}, doubt: resolve }));
    const before = Date.now();
    full.publish(
      Array.from({ length: 50_001 }, (_, i) => `user${i}`),
      { class: 'state', key: 'receipt', frame: '{}' },
    );
    const after = Date.now();
    const since = (await told) ?? 0;
    await full.close();
    assert.ok(since >= before - 1 && since <= after + 1, `since ${since}, and it was from ${before} to ${after}`);
  });

  await t.test('publish to receive is measured', async () => {
    await using buses = await pair();
    const { a, b } = buses;
    await b.bus.subscribe('ann');
    const before = b.lags.length;
    for (let seq = 1; seq <= 100; seq++) a.bus.publish(['ann'], entry('c', seq));
    await b.until(() => b.counts.received === 100, 'heard');
    assert.ok(b.lags.length > before);
    assert.ok(b.lags.every((lag) => lag >= 0 && lag < 5000));
  });

  await t.test('closing publishes what waits, and leaves no connection', async () => {
    const { a, b } = await pair();
    await b.bus.subscribe('ann');
    a.bus.publish(['ann'], entry('c', 1));
    await a.bus.close();
    await b.until(() => seqs(b).length === 1, 'heard after close');
    await b.bus.close();
    const admin = new Redis(redis.url);
    t.after(() => admin.disconnect());
    let clients = '';
    do clients = String(await admin.client('LIST'));
    while (clients.trim().split('\n').length > 1);
  });
});

interface AsyncDisposableStackLike {
  [Symbol.asyncDispose](): Promise<void>;
}
