/** `npm run bench:bus`: how much later messages come when they go from one instance to another. */
import { parseArgs } from 'node:util';
import { measureBus } from './measure/bus.ts';
import { busRow, busTableHead, busVerdict } from './report/bus.ts';
import { readEnvironment } from './report/environment.ts';
import { profileFlags, topFrames } from './report/profile.ts';
import { writeResult } from './report/results.ts';
import { textTable } from './report/table.ts';
import { keepAwake } from './services/awake.ts';
import { benchPostgres } from './services/postgres.ts';
import { benchRedis } from './services/redis.ts';
import { exitOnSignals, Stack } from './services/stack.ts';

const ALLOWED_MS = 5;

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '8' },
    /** Where to write a CPU profile of the first of the two instances. */
    profile: { type: 'string' },
    out: { type: 'string', default: 'bus' },
  },
});

async function main(): Promise<number> {
  const environment = readEnvironment(keepAwake());
  await using stack = new Stack();
  const postgres = stack.use(await benchPostgres());
  const redis = await benchRedis();
  if (redis === undefined) {
    console.error('Two instances need redis-server, or REDIS_URL.');
    return 2;
  }
  stack.use(redis);
  const outcome = await measureBus({
    databases: [await postgres.database(), await postgres.database()],
    redisUrl: redis.url,
    postgresPid: postgres.pid,
    redisPid: redis.pid,
    users: Number(values.users),
    rounds: Number(values.rounds),
    roundMs: Number(values.seconds) * 1000,
    warmUpMs: 15_000,
    nodeFlags: profileFlags(values.profile),
  });
  const { added, problems } = outcome;
  const passed = problems.length === 0 && added.toAlone <= ALLOWED_MS && added.toSame <= ALLOWED_MS;
  const result = { kind: 'bus', environment, postgres: postgres.settings, allowedMs: ALLOWED_MS, passed, ...outcome };
  console.log(
    textTable(
      busTableHead,
      (['alone', 'same', 'across'] as const).map((way) => busRow(way, outcome)),
    ),
  );
  console.log(`\n${passed ? 'passed' : 'failed'}: ${busVerdict(outcome)}`);
  for (const text of problems) console.log(`! ${text}`);
  if (values.profile !== undefined) {
    console.log(`\n${topFrames(values.profile)}`);
    return 0;
  }
  console.log(`written to ${writeResult(values.out, result)}`);
  return passed ? 0 : 1;
}

exitOnSignals();
process.exitCode = await main();
