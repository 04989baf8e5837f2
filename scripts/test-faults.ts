// `npm run test:faults -- --seeds 100`: so many runs on real parts, a line for each; those that fail are told in full.
//   --seed 17       that one alone           --from 1001     the first of many
//   --lanes 2       installations at a time  --instances 3   server processes of each
//   --cluster       on a Redis Cluster of three masters
import { parseArgs } from 'node:util';
import { startRig } from './faults/rig.ts';
import { type Run, runSeed } from './faults/run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '10' },
    from: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '1' },
    instances: { type: 'string', default: '3' },
    cluster: { type: 'boolean', default: false },
  },
});
const rigOptions = { instances: Number(values.instances), cluster: values.cluster };
const from = Number(values.seed ?? values.from);
const seeds = Array.from({ length: values.seed === undefined ? Number(values.seeds) : 1 }, (_, i) => from + i);
const cleanups: (() => unknown)[] = [];
let ending = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    ending = true;
  });
}

const began = performance.now();
const runs: Run[] = [];
const failed: number[] = [];
const left = [...seeds];
try {
  await Promise.all(Array.from({ length: Math.min(Number(values.lanes), seeds.length) }, lane));
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}
const sum = (of: (run: Run) => number): number => runs.reduce((total, run) => total + of(run), 0);
console.log(
  `${runs.length} of ${seeds.length} seeds passed in ${Math.round((performance.now() - began) / 1000)} s: ` +
    `${sum(({ faults }) => faults)} faults, ${sum(({ dropped }) => dropped)} frames dropped, ` +
    `${sum(({ lost }) => lost)} messages lost by the bus, ${sum(({ messages }) => messages)} messages, ` +
    `${sum(({ deliveries }) => deliveries)} deliveries, ${sum(({ unavailable }) => unavailable)} refusals; everything was there ` +
    `${Math.max(0, ...runs.map(({ restedMs }) => restedMs))} ms after all was mended, at the latest.` +
    (failed.length > 0 ? ` Failed: ${failed.join(', ')}` : ''),
);
process.exit(runs.length === seeds.length ? 0 : 1);

async function lane(): Promise<void> {
  const scope = { after: (work: () => unknown) => void cleanups.push(work) };
  let rig = await startRig(scope, rigOptions);
  for (let seed = left.shift(); seed !== undefined && !ending; seed = left.shift()) {
    try {
      const run = await runSeed(rig, seed);
      runs.push(run);
      console.log(
        `seed ${seed} (${runs.length + failed.length} of ${seeds.length}): ${run.faults} faults, ${run.messages} messages, ` +
          `${run.deliveries} deliveries, at rest after ${run.restedMs} ms, ${(run.ms / 1000).toFixed(1)} s`,
      );
    } catch (error) {
      failed.push(seed);
      console.error(error instanceof Error ? error.message : error);
      // What failed may have left something behind.
      rig = await startRig(scope, rigOptions);
    }
  }
}
