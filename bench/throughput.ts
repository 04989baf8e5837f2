/** `npm run bench`: durable sends of the server against those of the baselines, in one run on one machine. */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type DriveResult, drive } from './driver/drive.ts';
import { readEnvironment } from './report/environment.ts';
import { profileFlags, topFrames } from './report/profile.ts';
import { type ThroughputResult, writeResult } from './report/results.ts';
import { throughputText } from './report/throughput.ts';
import { keepAwake } from './services/awake.ts';
import { type BenchPostgres, benchPostgres } from './services/postgres.ts';
import { benchRedis } from './services/redis.ts';
import { exitOnSignals, Stack } from './services/stack.ts';
import { naiveTarget } from './targets/naive.ts';
import { relayTarget } from './targets/relay.ts';
import { sealedServerTarget, serverTarget } from './targets/server.ts';
import { socketioTarget } from './targets/socketio.ts';
import type { Target } from './targets/target.ts';

const USAGE = `npm run bench -- [options]
  --all               also the naive server and Socket.IO (needs Redis)
  --mls               messages as the SDK seals them, in groups, of a server that takes nothing else
  --rounds 5          how often each is measured, in turn
  --seconds 5         measured, after --warm-up 3 seconds
  --connections 200   --depth 8   --bytes 256   --processes 2
  --profile folder    the server alone, with a CPU profile kept there; writes no result
  --out throughput    the name of the file in bench/results/`;

const NAIVE_POOLS = [4, 8, 16, 32];

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    mls: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '3' },
    connections: { type: 'string', default: '200' },
    depth: { type: 'string', default: '8' },
    bytes: { type: 'string', default: '256' },
    processes: { type: 'string', default: '2' },
    profile: { type: 'string' },
    out: { type: 'string' },
  },
});

const plan = {
  connections: Number(values.connections),
  depth: Number(values.depth),
  messageBytes: Number(values.bytes),
  warmUpMs: Number(values['warm-up']) * 1000,
  measureMs: Number(values.seconds) * 1000,
  driverProcesses: Number(values.processes),
  ackEvery: 32,
  ackMs: 20,
};

async function main(): Promise<number> {
  if (values.help || (values.all && values.mls)) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  const environment = readEnvironment(keepAwake());
  await using stack = new Stack();
  const postgres = stack.use(await benchPostgres());
  if (values.profile !== undefined) return await profileServer(postgres, values.profile);
  const targets = values.mls
    ? [stack.use(await sealedServerTarget(postgres)), stack.use(await relayTarget(true))]
    : [stack.use(await serverTarget(postgres)), stack.use(await relayTarget())];
  if (values.all) {
    targets.push(stack.use(await bestNaive(postgres)));
    const redis = await benchRedis();
    if (redis === undefined) console.error('Socket.IO is left out: it needs redis-server, or REDIS_URL.');
    else targets.push(stack.use(await socketioTarget(postgres, stack.use(redis).url)));
  }
  const runs = new Map<Target, DriveResult[]>(targets.map((target) => [target, []]));
  for (let round = 1; round <= Number(values.rounds); round++) {
    // The order turns, so that no target always runs in the wake of the same other one.
    for (const target of round % 2 === 1 ? targets : targets.toReversed()) {
      const result = await measure(target, postgres, plan);
      runs.get(target)?.push(result);
      console.error(`round ${round}: ${target.name} ${result.perSecond}/s`, ...result.problems);
    }
  }
  const result: ThroughputResult = {
    kind: 'throughput',
    environment,
    postgres: postgres.settings,
    plan: values.mls ? { ...plan, sealed: true } : plan,
    targets: targets.map((target) => ({ name: target.name, runs: runs.get(target) ?? [] })),
  };
  console.log(
    `\n${throughputText(result)}\n\nwritten to ${writeResult(values.out ?? (values.mls ? 'throughput-mls' : 'throughput'), result)}`,
  );
  return result.targets.some((target) => target.runs.some((run) => run.problems.length > 0)) ? 1 : 0;
}

/** As under a measurement, without one: what watches the server also slows it. */
async function profileServer(postgres: BenchPostgres, folder: string): Promise<number> {
  const started = values.mls ? sealedServerTarget : serverTarget;
  const target = await started(postgres, profileFlags(folder));
  const result = await measure(target, postgres, plan).finally(() => target[Symbol.asyncDispose]());
  // The profile was written when the server ended.
  console.log(`${result.perSecond}/s\n\n${topFrames(folder)}`);
  return result.problems.length > 0 ? 1 : 0;
}

async function measure(target: Target, postgres: BenchPostgres, options: typeof plan): Promise<DriveResult> {
  const seats = await target.seats(options.connections);
  await postgres.settle();
  const { dialect, ordered, port } = target;
  const watch = { server: target.pid, ...(postgres.pid !== undefined && { postgres: postgres.pid }) };
  const run = randomUUID().slice(0, 8);
  return drive({
    ...options,
    host: '127.0.0.1',
    ports: [port],
    dialect,
    ordered,
    run,
    seats,
    watch,
    processes: options.driverProcesses,
  });
}

/** The naive server is given the pool that suits this machine best. */
async function bestNaive(postgres: BenchPostgres): Promise<Target> {
  let best = { pool: 0, rate: -1 };
  for (const pool of NAIVE_POOLS) {
    await using target = await naiveTarget(postgres, pool);
    const { perSecond } = await measure(target, postgres, { ...plan, warmUpMs: 2000, measureMs: 2000 });
    console.error(`trial: ${target.name} ${perSecond}/s`);
    if (perSecond > best.rate) best = { pool, rate: perSecond };
  }
  return naiveTarget(postgres, best.pool);
}

exitOnSignals();
process.exitCode = await main();
