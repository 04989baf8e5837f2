import assert from 'node:assert/strict';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Slice, SliceResult } from './slice.ts';

const SEEDS = 10_000;
const FIRST = 100_001;
const PER_WORKER = 500;

test(`${SEEDS} simulated runs keep every promise`, { timeout: 1_800_000 }, async (t) => {
  const started = performance.now();
  const results: SliceResult[] = [];
  const slices: Slice[] = Array.from({ length: SEEDS / PER_WORKER }, (_, i) => ({
    from: FIRST + i * PER_WORKER,
    seeds: PER_WORKER,
  }));
  const lane = async (): Promise<void> => {
    for (let slice = slices.shift(); slice !== undefined; slice = slices.shift()) results.push(await simulated(slice));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  const perMinute = Math.round(SEEDS / ((performance.now() - started) / 60_000));
  const sum = (of: (result: SliceResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  t.diagnostic(
    `${SEEDS} seeds, ${perMinute} a minute: ${sum(({ messages }) => messages)} messages, ` +
      `${sum(({ deliveries }) => deliveries)} deliveries, ${sum(({ kills }) => kills)} instances killed`,
  );
  assert.deepEqual(
    results.flatMap(({ failed }) => failed),
    [],
  );
});

async function simulated(slice: Slice): Promise<SliceResult> {
  const [result]: SliceResult[] = await once(
    new Worker(new URL('./slice.js', import.meta.url), { workerData: slice }),
    'message',
  );
  if (result === undefined) throw new Error('a worker said nothing');
  return result;
}
