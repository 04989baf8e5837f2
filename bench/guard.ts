/**
 * `npm run bench:guard`: what 1,000 sends cost, in counters that noise can't touch, against recorded values.
 * `-- --record` writes the values of this run down as the new ones: only with a reason, in the same commit.
 */
import { fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import type { CounterName } from './guard/sends.ts';
import { textTable } from './report/table.ts';
import { privatePostgres } from './services/postgres.ts';
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

const counters = v.object({
  roundTrips: v.number(),
  walBytes: v.number(),
  rowsWritten: v.number(),
  rowsRead: v.number(),
  bytesAllocated: v.number(),
  serverCpu: v.number(),
  postgresCpu: v.number(),
});
const recordedFile = new URL('../../bench/guard/recorded.json', import.meta.url);

exitOnSignals();
const measured = await measure();
if (process.argv.includes('--record')) {
  writeFileSync(recordedFile, `${JSON.stringify(measured, null, 2)}\n`);
  console.log(`recorded ${JSON.stringify(measured)}`);
} else {
  const recorded = v.parse(counters, JSON.parse(readFileSync(recordedFile, 'utf8')));
  const names = Object.keys(LIMITS) as CounterName[];
  const rows = names.map((name) => {
    const ratio = measured[name] / recorded[name];
    return [
      NAMES[name],
      measured[name],
      recorded[name],
      ratio.toFixed(2),
      LIMITS[name],
      ratio > LIMITS[name] ? 'TOO MUCH' : 'ok',
    ];
  });
  console.log(textTable(['each 1,000 sends', 'now', 'recorded', 'ratio', 'limit', ''], rows));
  process.exitCode = rows.some((row) => row[5] !== 'ok') ? 1 : 0;
}

/** The lowest of three: whatever else the machine does only adds. */
async function measure(): Promise<v.InferOutput<typeof counters>> {
  const runs: v.InferOutput<typeof counters>[] = [];
  // Full pages in the WAL and vacuums depend on when they happen, not on what is sent.
  await using postgres = await privatePostgres({
    full_page_writes: 'off',
    autovacuum: 'off',
    max_wal_size: '8GB',
    shared_preload_libraries: 'pg_stat_statements',
  });
  for (let i = 0; i < 3; i++) runs.push(await one((await postgres.database()).url, postgres.pid ?? 0));
  const lowest = (name: CounterName) => Math.round(Math.min(...runs.map((run) => run[name])) * 10) / 10;
  return {
    roundTrips: lowest('roundTrips'),
    walBytes: lowest('walBytes'),
    rowsWritten: lowest('rowsWritten'),
    rowsRead: lowest('rowsRead'),
    bytesAllocated: lowest('bytesAllocated'),
    serverCpu: lowest('serverCpu'),
    postgresCpu: lowest('postgresCpu'),
  };
}

function one(url: string, postgresPid: number): Promise<v.InferOutput<typeof counters>> {
  const child = fork(fileURLToPath(new URL('./guard/sends.js', import.meta.url)), {
    env: { ...process.env, DATABASE_URL: url, POSTGRES_PID: String(postgresPid) },
    execArgv: ['--expose-gc', '--max-semi-space-size=512', '--min-semi-space-size=512'],
  });
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(v.parse(counters, message)));
    child.once('exit', (code) => reject(new Error(`the measurement ended with ${code}`)));
  });
}
