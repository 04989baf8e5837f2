/** `npm run bench:k6 -- chat`: starts what a scenario of `bench/k6/` needs, runs k6, watches the server, keeps the summary. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SOCKET_PATH } from '../protocol/frame.ts';
import { countDescriptors, cpuBetween, readCores, readCpu, stolenBetween } from './measure/cpu.ts';
import { LiveHeap, type LiveHeapGrowth } from './measure/live-heap.ts';
import { type Watched, watchProcess } from './measure/watch.ts';
import { readEnvironment } from './report/environment.ts';
import { readSummary } from './report/k6-summary.ts';
import { profileFlags, topFrames, topStatements } from './report/profile.ts';
import { writeResult } from './report/results.ts';
import { keepAwake } from './services/awake.ts';
import { benchPostgres } from './services/postgres.ts';
import { exitOnSignals, Stack } from './services/stack.ts';
import { BENCH_PASSWORD, RestartableServer } from './targets/server.ts';

const SCENARIOS = ['chat', 'idle', 'reconnect-storm', 'login-storm', 'soak'] as const;
type Scenario = (typeof SCENARIOS)[number];

const USAGE = `npm run bench:k6 -- <${SCENARIOS.join(' | ')}> [--users 300] [--every 1000] [--seconds 30] [--vus 20] [--profile folder] [--sleep]
  chat --users 5000 --every 10000   the crowd
  idle --users 10000                memory for each connection
  reconnect-storm --users 5000      the server is killed in the middle
  --sleep                           lets idle cores sleep, as on a machine that nobody tuned`;

const DEFAULT_USERS: Record<Scenario, number> = {
  chat: 300,
  idle: 5000,
  'reconnect-storm': 2000,
  'login-storm': 100,
  soak: 100,
};
const DEFAULT_SECONDS: Record<Scenario, number> = {
  chat: 30,
  idle: 20,
  'reconnect-storm': 40,
  'login-storm': 30,
  soak: 1800,
};

/** As long as the scenario allows. */
const OPENING_MS = 60_000;

/**
 * In an hour. Of what is still in use after a collection, 2 MB are 6 bytes for each of 100 messages a second. Resident
 * memory also moves with the garbage that waits for a collection.
 */
const GROWTH_ALLOWED = { live: 2 * 2 ** 20, rss: 10 * 2 ** 20, descriptors: 2 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    users: { type: 'string' },
    every: { type: 'string', default: '1000' },
    seconds: { type: 'string' },
    vus: { type: 'string', default: '20' },
    /** Where to write a CPU profile of the server; the run is no result then. */
    profile: { type: 'string' },
    sleep: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});

async function main(): Promise<number> {
  const scenario = SCENARIOS.find((name) => name === positionals[0]);
  if (scenario === undefined) {
    console.error(USAGE);
    return 2;
  }
  const k6 = findK6();
  if (k6 === undefined) {
    console.error(
      'k6 is missing. Get it with: go install go.k6.io/k6@latest (or see https://grafana.com/docs/k6), or name it in K6.',
    );
    return 2;
  }
  const environment = readEnvironment(values.sleep ? false : keepAwake());
  const users = Number(values.users ?? DEFAULT_USERS[scenario]);
  const seconds = Number(values.seconds ?? DEFAULT_SECONDS[scenario]);
  await using stack = new Stack();
  const postgres = stack.use(await benchPostgres(values.profile !== undefined));
  const database = await postgres.database();
  if (values.profile !== undefined) await database.sql`create extension pg_stat_statements`;
  const heap = scenario === 'soak' ? stack.use(new LiveHeap()) : undefined;
  const flags = [...profileFlags(values.profile), ...(heap?.nodeFlags ?? [])];
  const server = stack.use(await RestartableServer.start(database, flags));
  const home = mkdtempSync(join(tmpdir(), 'sotto-k6-'));
  stack.use({
    async [Symbol.asyncDispose]() {
      rmSync(home, { recursive: true, force: true });
    },
  });
  const seats = await server.seats(users, scenario === 'login-storm');
  writeFileSync(join(home, 'seats.json'), JSON.stringify(seats));
  await postgres.settle();

  const env = {
    SEATS: join(home, 'seats.json'),
    URL: `ws://127.0.0.1:${server.port}${SOCKET_PATH}`,
    HTTP: `http://127.0.0.1:${server.port}`,
    USERS: String(users),
    SECONDS: String(seconds),
    EVERY_MS: values.every,
    VUS: values.vus,
    RUN: String(Math.floor(Math.random() * 2 ** 32)),
    PASSWORD: BENCH_PASSWORD,
  };
  const summaryFile = join(home, 'summary.json');
  const watch = () => ({ server: server.pid, ...(postgres.pid !== undefined && { postgres: postgres.pid }) });
  const first = server.pid;
  const before = readCpu(watch());
  if (values.profile !== undefined) await database.sql`select pg_stat_statements_reset()`;
  const watching = watchProcess(() => server.pid);
  const killing = scenario === 'reconnect-storm' ? killInTheMiddle(server, users, seconds) : Promise.resolve();
  const living = heap?.growth(server.pid, seconds * 1000);
  const cores = readCores();
  const code = await runK6(k6, scenario, env, summaryFile);
  const stolen = stolenBetween(cores, readCores());
  const watched = watching.stop();
  await killing;
  const live = await living;
  // Of a server that was killed nobody knows any more; then it is what the new one used.
  const cpuSeconds = cpuBetween(server.pid === first ? before : { ...before, server: 0 }, readCpu(watch()));

  const metrics = existsSync(summaryFile) ? readSummary(readFileSync(summaryFile, 'utf8')) : {};
  const perConnection = Math.round((watched.peakRss - watched.firstRss) / users);
  const name = values.out ?? `k6-${scenario}${scenario === 'chat' ? `-${users}` : ''}${values.sleep ? '-sleep' : ''}`;
  const grown = live === undefined ? [] : growth(watched, live);
  const passed = code === 0 && grown.length === 0;
  const result = {
    kind: 'k6',
    scenario,
    environment,
    postgres: postgres.settings,
    users,
    seconds,
    everyMs: Number(values.every),
    passed,
    metrics,
    ...(live !== undefined && { grown, live }),
    server: { ...watched, ...(scenario === 'idle' && { bytesPerConnection: perConnection }) },
    cpuSeconds,
    stolen,
  };
  const { floor: _, ...shown } = result.server;
  console.log(JSON.stringify({ passed, grown, live, server: shown, cpuSeconds, stolen }, null, 2));
  if (values.profile === undefined) console.log(`written to ${writeResult(name, result)}`);
  else {
    console.log(`\n${await topStatements(database.sql)}\n`);
    await server[Symbol.asyncDispose]();
    console.log(topFrames(values.profile));
  }
  return passed ? 0 : Math.max(1, code);
}

/** What grew: by more than is bearable, and by more than chance (two standard errors) explains. */
function growth(watched: Watched, live: LiveHeapGrowth): string[] {
  const { rssPerHour, rssPerHourError, descriptorsPerHour, descriptorsPerHourError } = watched;
  const lines = [
    { what: 'bytes in use', slope: live.slope, error: live.error, allowed: GROWTH_ALLOWED.live },
    { what: 'bytes resident', slope: rssPerHour, error: rssPerHourError, allowed: GROWTH_ALLOWED.rss },
    {
      what: 'descriptors',
      slope: descriptorsPerHour,
      error: descriptorsPerHourError,
      allowed: GROWTH_ALLOWED.descriptors,
    },
  ];
  return lines
    .filter(({ slope, error, allowed }) => slope > allowed && slope > 2 * error)
    .map(({ what, slope }) => `${what} by ${slope} an hour`);
}

/** The one of K6, of the path, or where Go puts it. */
function findK6(): string | undefined {
  const candidates = [process.env.K6, 'k6', join(homedir(), 'go', 'bin', 'k6')];
  return candidates.find(
    (path) => path !== undefined && spawnSync(path, ['version'], { stdio: 'ignore' }).status === 0,
  );
}

function runK6(
  k6: string,
  scenario: Scenario,
  env: Readonly<Record<string, string>>,
  summary: string,
): Promise<number> {
  const script = fileURLToPath(new URL(`../../bench/k6/${scenario}.ts`, import.meta.url));
  // Of one address only 50 connections may be on their way in at a time: each VU has an address of its own.
  const addresses = `127.0.1.1-127.0.1.${Math.min(254, Number(env.VUS))}`;
  const args = ['run', '--quiet', '--no-usage-report', '--local-ips', addresses, '--summary-export', summary, script];
  const child = spawn(k6, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] });
  process.once('exit', () => child.kill());
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

/** In the middle of the time for which everybody is there. */
async function killInTheMiddle(server: RestartableServer, users: number, seconds: number): Promise<void> {
  const deadline = performance.now() + OPENING_MS;
  while (countDescriptors(server.pid) < users && performance.now() < deadline) await pause(100);
  await pause((seconds / 2) * 1000);
  console.error('killing the server');
  await server.restart();
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

exitOnSignals();
process.exitCode = await main();
