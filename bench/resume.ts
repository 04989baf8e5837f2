/** `npm run bench:resume`: kills one of two instances (-9) under 15,000 sockets, and times their return on the other. */
import { parseArgs } from 'node:util';
import { measureResume } from './measure/resume.ts';
import { readEnvironment } from './report/environment.ts';
import { profileFlags, topFrames, topStatements } from './report/profile.ts';
import { writeResult } from './report/results.ts';
import { keepAwake } from './services/awake.ts';
import { benchPostgres } from './services/postgres.ts';
import { benchRedis } from './services/redis.ts';
import { exitOnSignals, Stack } from './services/stack.ts';

const ALLOWED_MS = 15_000;
const ALLOWED_BYTES = 6 * 1024;

const { values } = parseArgs({
  options: {
    sockets: { type: 'string', default: '15000' },
    processes: { type: 'string', default: '2' },
    /** Devices that the survivor serves before; 0 for one that has just started. */
    own: { type: 'string', default: '1000' },
    backlog: { type: 'string', default: '2' },
    'idle-seconds': { type: 'string', default: '5' },
    /** Where to write a CPU profile of the instance that they return to. */
    profile: { type: 'string' },
    out: { type: 'string', default: 'resume' },
  },
});

async function main(): Promise<number> {
  const environment = readEnvironment(keepAwake());
  await using stack = new Stack();
  const postgres = stack.use(await benchPostgres(values.profile !== undefined));
  const redis = await benchRedis();
  if (redis === undefined) {
    console.error('Two instances need redis-server, or REDIS_URL.');
    return 2;
  }
  stack.use(redis);
  const database = await postgres.database();
  if (values.profile !== undefined) await database.sql`create extension pg_stat_statements`;
  const outcome = await measureResume({
    database,
    redisUrl: redis.url,
    postgresPid: postgres.pid,
    sockets: Number(values.sockets),
    processes: Number(values.processes),
    own: Number(values.own),
    backlog: Number(values.backlog),
    idleMs: Number(values['idle-seconds']) * 1000,
    nodeFlags: profileFlags(values.profile),
    killed: async () => {
      if (values.profile !== undefined) await database.sql`select pg_stat_statements_reset()`;
    },
    say: (text) => console.error(text),
  });
  const passed =
    outcome.problems.length === 0 &&
    outcome.syncedMs.all <= ALLOWED_MS &&
    outcome.completeMs <= ALLOWED_MS &&
    outcome.bytesPerConnection <= ALLOWED_BYTES;
  const result = { kind: 'resume', environment, postgres: postgres.settings, passed, ...outcome };
  console.log(JSON.stringify({ passed, ...outcome }, null, 2));
  if (values.profile !== undefined) {
    console.log(`\n${await topStatements(database.sql)}\n\n${topFrames(values.profile)}`);
    return 0;
  }
  console.log(`written to ${writeResult(values.out, result)}`);
  return passed ? 0 : 1;
}

exitOnSignals();
process.exitCode = await main();
