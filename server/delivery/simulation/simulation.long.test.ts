import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulate.ts';

const SEEDS = 10_000;

test(`${SEEDS} simulated runs keep every promise`, { timeout: 1_800_000 }, async (t) => {
  const started = performance.now();
  const sum = { messages: 0, deliveries: 0, kills: 0 };
  const failed: string[] = [];
  for (let seed = 100_001; seed <= 100_000 + SEEDS; seed++) {
    try {
      const { messages, deliveries, kills } = await simulate(seed);
      sum.messages += messages;
      sum.deliveries += deliveries;
      sum.kills += kills;
    } catch (error) {
      failed.push(error instanceof Error ? error.message : String(error));
    }
  }
  const perMinute = Math.round(SEEDS / ((performance.now() - started) / 60_000));
  t.diagnostic(
    `${SEEDS} seeds, ${perMinute} a minute: ${sum.messages} messages, ${sum.deliveries} deliveries, ${sum.kills} instances killed`,
  );
  assert.deepEqual(failed, []);
});
