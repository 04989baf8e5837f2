import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutSubscribers, type Fault, loseMessages, redisAway } from './faults/plan.ts';
import { startRig } from './faults/rig.ts';
import { runSeed } from './faults/run.ts';

test('ten seconds without Redis, and a minute of lost subscribers', async (t) => {
  const rig = await startRig(t, { instances: 2 });

  await t.test('Redis is away for ten seconds: everything is there within two seconds of its return', async (t) => {
    const run = await runSeed(rig, 1, { faults: [redisAway(1_000, 10_000)], stormMs: 10_500 });
    t.diagnostic(JSON.stringify(run));
    assert.ok(run.restedMs < 2_000);
  });

  await t.test('a minute in which the subscribers of the bus are cut off without pause', async (t) => {
    const run = await runSeed(rig, 2, { faults: [cutSubscribers(0, 60_000)], stormMs: 60_000 });
    t.diagnostic(JSON.stringify(run));
  });
});

test('a Redis Cluster loses a master for five seconds, its subscribers, and messages in silence', async (t) => {
  const rig = await startRig(t, { instances: 3, cluster: true });
  const faults = [redisAway(500, 5_000, 1), cutSubscribers(1_000, 2_000, 0), loss(4_000, 2_000)];
  for (const seed of [1, 2]) {
    const run = await runSeed(rig, seed, { faults, stormMs: 6_000 });
    t.diagnostic(JSON.stringify(run));
    assert.ok(run.lost > 0);
  }
});

const loss = (atMs: number, ms: number): Fault => ({
  atMs,
  name: `the bus loses half for ${ms} ms`,
  strike: (rig) => loseMessages(rig, 0.5, ms),
});
