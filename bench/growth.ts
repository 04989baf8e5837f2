/** `npm run bench:growth`: how the cost of a send grows with what is stored, with instances, connections and sizes. */
import { parseArgs } from 'node:util';
import { measureConnections } from './growth/connections.ts';
import { costRatio, type GrowthPart, type GrowthPoint } from './growth/cost.ts';
import { measureInstances } from './growth/instances.ts';
import { measureSizes } from './growth/sizes.ts';
import { measureStored } from './growth/stored.ts';
import { readEnvironment } from './report/environment.ts';
import { growthTable } from './report/growth.ts';
import { writeResult } from './report/results.ts';
import { textTable } from './report/table.ts';
import { keepAwake } from './services/awake.ts';
import { benchRedis } from './services/redis.ts';
import { exitOnSignals } from './services/stack.ts';

const PARTS = ['stored', 'instances', 'connections', 'sizes'] as const satisfies readonly GrowthPart[];
const ALLOWED_RATIO = 1.3;

const USAGE = `npm run bench:growth -- [${PARTS.join('] [')}] [--rounds 5] [--seconds 4] [--stored 10000,1000000,10000000]
  all four without a name; stored needs 15 GB of disk in ${process.env.TMPDIR ?? '/tmp'}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    stored: { type: 'string', default: '10000,1000000,10000000' },
    prefix: { type: 'string', default: 'growth' },
  },
});
const say = (text: string) => console.error(text);
const times = { rounds: Number(values.rounds), warmUpMs: 2_000, measureMs: Number(values.seconds) * 1000 };

const plans = {
  stored: {
    ...times,
    stages: values.stored.split(',').map(Number),
    conversations: 10_000,
    talking: 500,
    depth: 2,
  },
  instances: { ...times, rounds: Math.min(3, times.rounds), instances: 4, connections: 200, depth: 8 },
  connections: {
    ...times,
    rounds: Math.min(3, times.rounds),
    totals: [100, 1_000, 5_000, 15_000],
    sending: 100,
    depth: 4,
    idleMs: 3_000,
  },
  sizes: {
    ...times,
    rounds: Math.min(3, times.rounds),
    sizes: [256, 4 * 1024, 64 * 1024],
    connections: 100,
    depth: 2,
  },
} as const;

async function main(): Promise<number> {
  const parts = positionals.length === 0 ? PARTS : PARTS.filter((part) => positionals.includes(part));
  if (parts.length === 0) {
    console.error(USAGE);
    return 2;
  }
  let code = 0;
  for (const part of parts) {
    const environment = readEnvironment(keepAwake());
    const measured = await measure(part);
    if (measured === undefined) {
      console.error('Several instances need redis-server, or REDIS_URL.');
      code = 2;
      continue;
    }
    const { points, postgres } = measured;
    const problems = points.flatMap(({ runs, beside = [] }) => [...runs, ...beside].flatMap((run) => run.problems));
    const ratio = part === 'stored' ? costRatioOfLast(points) : 0;
    const passed = problems.length === 0 && ratio <= ALLOWED_RATIO;
    const result = { kind: 'growth', part, environment, postgres, plan: plans[part], passed, points };
    const { head, rows } = growthTable(part, points);
    console.log(`\n${textTable(head, rows)}`);
    for (const problem of problems) console.log(`! ${problem}`);
    console.log(`written to ${writeResult(`${values.prefix}-${part}`, result)}`);
    if (!passed) code = 1;
  }
  return code;
}

async function measure(part: GrowthPart) {
  if (part === 'stored') return measureStored(plans.stored, say);
  if (part === 'connections') return measureConnections(plans.connections, say);
  if (part === 'sizes') return measureSizes(plans.sizes, say);
  await using redis = await benchRedis();
  return redis === undefined ? undefined : await measureInstances(plans.instances, redis, say);
}

function costRatioOfLast(points: readonly GrowthPoint[]): number {
  const last = points.at(-1);
  return (last === undefined ? undefined : costRatio(last)?.ratio) ?? 0;
}

exitOnSignals();
process.exitCode = await main();
