import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PrivateRedis, privateRedisCluster } from '../testing/redis-server.ts';
import { slotOf } from './slot.ts';
import { entry, type WatchedBus, watchedBus } from './testing.ts';

const USERS = Array.from({ length: 300 }, (_, i) => `user${i}`);

/**
 * Publishes the next entry for every user until all have come. Around a change of the Cluster one may be lost: whoever was
 * told to doubt looks into the log, and here it is published again.
 */
async function everyoneHears(a: WatchedBus, b: WatchedBus, seq: number, tries = 4): Promise<void> {
  const missing = new Set(USERS);
  for (let left = tries; missing.size > 0; left--) {
    for (const user of missing) a.bus.publish([user], entry(user, seq));
    const all = b.until(
      () => {
        for (const item of b.heard)
          if (item !== 'doubt' && item.message.class === 'durable' && item.message.seq === seq)
            missing.delete(item.user);
        return missing.size === 0;
      },
      `all hear ${seq}`,
      5_000,
    );
    if (left > 1) await all.catch(() => undefined);
    else await all;
  }
}

/**
 * Gives a slot to another node, as an operator would; its keys (there are none) need no migration. A node that was
 * importing takes a higher epoch with the slot; without, the old owner's next heartbeat may claim it back from one
 * node, and they never agree again.
 */
async function moveSlot(
  nodes: readonly PrivateRedis[],
  slot: number,
  from: PrivateRedis,
  to: PrivateRedis,
): Promise<void> {
  const setSlot = (node: PrivateRedis, ...how: string[]) => node.cli('cluster', 'setslot', String(slot), ...how);
  const [oldId, newId] = await Promise.all([from.cli('cluster', 'myid'), to.cli('cluster', 'myid')]);
  await setSlot(to, 'importing', oldId);
  await setSlot(from, 'migrating', newId);
  await setSlot(to, 'node', newId);
  for (const node of nodes) if (node !== to) await setSlot(node, 'node', newId);
}

test('the bus on a Redis Cluster of three nodes', { timeout: 120_000 }, async (t) => {
  await using cluster = await privateRedisCluster(3);
  const [first, second, third] = cluster.nodes;
  assert.ok(first && second && third);
  // One known node is enough to find the others; two tell that it is a Cluster.
  const address = { kind: 'cluster', urls: cluster.urls.slice(0, 2) } as const;
  const a = watchedBus(address, 'c:');
  const b = watchedBus(address, 'c:');
  await using _a = a;
  await using _b = b;
  const healthy = (withinMs = 15_000): Promise<unknown> =>
    Promise.all([a, b].map((one) => one.until(() => !one.bus.doubtful, 'healthy', withinMs)));
  await healthy();
  await Promise.all(USERS.map((user) => b.bus.subscribe(user)));

  await t.test('slots are computed as the servers do', async () => {
    for (const name of [
      '',
      'a',
      'sotto:user:0193a5f0-0000-7000-8000-000000000000',
      'x{tag}y',
      'x{}y',
      '{a}{b}',
      'a}b{c',
      'é',
      '{',
    ]) {
      assert.equal(String(slotOf(name)), await first.cli('cluster', 'keyslot', name), name);
    }
  });

  await t.test('users of all nodes are heard, and each node carries some', async () => {
    await everyoneHears(a, b, 1);
    for (const node of cluster.nodes) {
      assert.notEqual(await node.cli('pubsub', 'shardchannels', 'c:user:*'), '');
    }
  });

  await t.test('a slot that moves takes its subscriptions along, and everyone looks', async () => {
    const slot = slotOf('c:user:user7');
    const owner = [first, second, third][Math.floor(slot / (16384 / 3))];
    assert.ok(owner);
    const target = owner === first ? second : first;
    const healthyBefore = b.counts.healthy;
    const doubts = (): number => b.heard.filter((item) => item === 'doubt').length;
    const doubtsBefore = doubts();
    await moveSlot(cluster.nodes, slot, owner, target);
    await b.until(() => b.counts.healthy > healthyBefore, 'noticed and mended');
    await healthy();
    await everyoneHears(a, b, 2);
    assert.ok(doubts() > doubtsBefore, 'everyone was told to look');
  });

  await t.test('a node that dies leaves the others working, burns no processor, and is taken back', async () => {
    await third.kill();
    await b.until(() => b.bus.doubtful, 'doubtful');
    const before = process.cpuUsage();
    const start = performance.now();
    const lags = b.lags.length;
    // The heartbeats of the other two go on: ten rounds of them are about as many heartbeat intervals.
    await b.until(() => b.lags.length >= lags + 20, 'heartbeats through the living nodes');
    const used = process.cpuUsage(before);
    assert.ok((used.user + used.system) / 1000 < (performance.now() - start) * 0.5, 'less than half a core');
    const alive = USERS.filter((user) => Math.floor(slotOf(`c:user:${user}`) / (16384 / 3)) === 1);
    assert.ok(alive.length > 10);
    const received = b.counts.received;
    for (const user of alive) a.bus.publish([user], entry(user, 3));
    await b.until(() => b.counts.received >= received + alive.length, 'users of a living node are heard');
    // What is published for the dead node is kept; it must not be lost when the node returns.
    await third.start();
    await healthy(20_000);
    await everyoneHears(a, b, 4);
  });

  await t.test('a node that falls silent is found by its own heartbeat', async () => {
    second.freeze();
    try {
      await b.until(() => b.bus.doubtful, 'doubtful', 5000);
    } finally {
      second.thaw();
    }
    await healthy(20_000);
    await everyoneHears(a, b, 5);
  });
});
