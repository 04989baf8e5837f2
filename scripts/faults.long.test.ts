import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutSubscribers, redisAway } from './faults/plan.ts';
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
