import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashDatabase, cutSubscribers } from './faults/plan.ts';
import { startRig } from './faults/rig.ts';
import { runSeed } from './faults/run.ts';

const SEEDS = 2;

test('whatever is lost between real parts, every acknowledged message reaches every device once, in order', {
  timeout: 280_000,
}, async (t) => {
  const rig = await startRig(t, { instances: 2 });

  for (let seed = 1; seed <= SEEDS; seed++) {
    await t.test(`seed ${seed} of \`npm run test:faults\``, async (t) => {
      t.diagnostic(JSON.stringify(await runSeed(rig, seed)));
    });
  }

  await t.test(
    'PostgreSQL crashes under load: sends are refused with `unavailable`, and nothing is lost',
    async (t) => {
      // Without a pause between sends, so that some are under way when it happens.
      const run = await runSeed(rig, 1_001, { faults: [crashDatabase(900), crashDatabase(1_800)], rush: true });
      assert.ok(run.unavailable > 0, 'some were told that their outcome is unknown');
      t.diagnostic(JSON.stringify(run));
    },
  );

  await t.test('the subscribers of the bus are cut off again and again', async (t) => {
    const run = await runSeed(rig, 1_002, { faults: [cutSubscribers(0, 5_000)], stormMs: 5_000 });
    t.diagnostic(JSON.stringify(run));
  });
});
