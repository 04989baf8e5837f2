/**
 * `npm run bench:guard`: what 1,000 sends cost, in counters that noise can't touch, against recorded values.
 * `-- --record` writes the values of this run down as the new ones: only with a reason, in the same commit.
 */
import { fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import type { CounterName, Counters } from './guard/sends.ts';
import { textTable } from './report/table.ts';
import { type BenchPostgres, privatePostgres } from './services/postgres.ts';
import { exitOnSignals } from './services/stack.ts';

/** How far above its recorded value a counter may go. */
const LIMITS: Readonly<Record<CounterName, number>> = {
  roundTrips: 1.2,
  walBytes: 1.2,
  rowsWritten: 1.2,
  rowsRead: 1.2,
  bytesAllocated: 1.2,
  serverCpu: 1.5,
  postgresCpu: 1.5,
};
const NAMES: Readonly<Record<CounterName, string>> = {
  roundTrips: 'round trips to PostgreSQL',
  walBytes: 'bytes of WAL',
  rowsWritten: 'rows written',
  rowsRead: 'rows read',
  bytesAllocated: 'bytes allocated on the heap',
  serverCpu: 'CPU of the server, in units of a fixed work',
  postgresCpu: 'CPU of PostgreSQL, in the same units',
};

const exact = v.object({
  roundTrips: v.number(),
  walBytes: v.number(),
  rowsWritten: v.number(),
  rowsRead: v.number(),
  bytesAllocated: v.number(),
});
const cpu = v.object({ serverCpu: v.number(), postgresCpu: v.number() });
const counters = v.object({ ...exact.entries, ...cpu.entries });
/** CPU time by processor: the units of a fixed work don't carry over from one to another. */
const recordedFrom = v.object({ counters: exact, cpu: v.record(v.string(), cpu) });
const RUNS = 2;
const RECORDING_RUNS = 5;
const MORE_RUNS = 6;
const MORE_UNTIL_MS = 90_000;
/** Beyond this load for each core, caches and cores are so contended that CPU time says nothing. */
const JUDGED_LOAD = 2;
// Full pages in the WAL and vacuums depend on when they happen, not on what is sent.
const QUIET = {
  full_page_writes: 'off',
  autovacuum: 'off',
  max_wal_size: '8GB',
  shared_preload_libraries: 'pg_stat_statements',
};
const isCpu = (name: CounterName): boolean => name === 'serverCpu' || name === 'postgresCpu';
const recordedFile = new URL('../../bench/guard/recorded.json', import.meta.url);

const names = Object.keys(LIMITS) as CounterName[];

exitOnSignals();
process.exitCode = await main();

async function main(): Promise<number> {
  await using postgres = await privatePostgres(QUIET);
  const kept = v.parse(recordedFrom, JSON.parse(readFileSync(recordedFile, 'utf8')));
  const processor = cpus()[0]?.model.trim() ?? 'unknown';
  if (process.argv.includes('--record')) {
    const measured = await measure(postgres, RECORDING_RUNS);
    const own = { [processor]: v.parse(cpu, measured) };
    const fresh = { counters: v.parse(exact, measured), cpu: { ...kept.cpu, ...own } };
    writeFileSync(recordedFile, `${JSON.stringify(fresh, null, 2)}\n`);
    console.log(`recorded ${JSON.stringify(measured)}`);
    return 0;
  }
  const known = kept.cpu[processor];
  // One that was never recorded is judged by the dearest that was.
  const recorded: Counters = { ...kept.counters, ...(known ?? dearest(Object.values(kept.cpu))) };
  if (known === undefined) console.log(`CPU time was never recorded on ${processor}: judged by the dearest that was.`);
  const tooMuch = (measured: Counters) =>
    names.filter((name) => !(measured[name] <= recorded[name] * LIMITS[name]) || recorded[name] <= 0);
  let measured = await measure(postgres, RUNS);
  // Only CPU time is dearer on a busy machine; it gets further chances to show its true cost.
  const mayRunAgain = (n: number) =>
    n < MORE_RUNS &&
    performance.now() < MORE_UNTIL_MS &&
    tooMuch(measured).length > 0 &&
    tooMuch(measured).every(isCpu);
  for (let i = 0; mayRunAgain(i); i++) {
    measured = lowest([measured, await measure(postgres, 1)]);
  }
  const [load = 0] = loadavg();
  const busy = load > JUDGED_LOAD * availableParallelism();
  const dearer = tooMuch(measured);
  const wrong = busy ? dearer.filter((name) => !isCpu(name)) : dearer;
  const rows = names.map((name) => [
    NAMES[name],
    measured[name],
    recorded[name],
    (measured[name] / recorded[name]).toFixed(2),
    LIMITS[name],
    wrong.includes(name) ? 'TOO MUCH' : dearer.includes(name) ? `not judged at a load of ${load.toFixed(0)}` : 'ok',
  ]);
  console.log(textTable(['each 1,000 sends', 'now', 'recorded', 'ratio', 'limit', ''], rows));
  if (wrong.length > 0) console.log('A send became dearer. If that is meant: npm run bench:guard -- --record');
  return wrong.length > 0 ? 1 : 0;
}

async function measure(postgres: BenchPostgres, runs: number): Promise<Counters> {
  const measured: Counters[] = [];
  for (let i = 0; i < runs; i++) measured.push(await one((await postgres.database()).url, postgres.pid ?? 0));
  return lowest(measured);
}

const dearest = (of: readonly v.InferOutput<typeof cpu>[]) => ({
  serverCpu: Math.max(...of.map((each) => each.serverCpu)),
  postgresCpu: Math.max(...of.map((each) => each.postgresCpu)),
});

/** Whatever else the machine does only adds. */
function lowest(runs: readonly Counters[]): Counters {
  const of = (name: CounterName) => Math.round(Math.min(...runs.map((run) => run[name])) * 10) / 10;
  return {
    roundTrips: of('roundTrips'),
    walBytes: of('walBytes'),
    rowsWritten: of('rowsWritten'),
    rowsRead: of('rowsRead'),
    bytesAllocated: of('bytesAllocated'),
    serverCpu: of('serverCpu'),
    postgresCpu: of('postgresCpu'),
  };
}

function one(url: string, postgresPid: number): Promise<Counters> {
  const child = fork(fileURLToPath(new URL('./guard/sends.js', import.meta.url)), {
    env: { ...process.env, DATABASE_URL: url, POSTGRES_PID: String(postgresPid) },
    execArgv: ['--expose-gc', '--max-semi-space-size=512', '--min-semi-space-size=512'],
  });
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(v.parse(counters, message)));
    child.once('exit', (code) => reject(new Error(`the measurement ended with ${code}`)));
  });
}
