import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openPool, type Sql } from '../store/pool.ts';
import { exited, printed, type StartedProcess, startNode } from '../testing/process.ts';
import { livingPostmaster, markOf, waitUntil } from './alive.ts';
import { runningDatabase } from './running.ts';

/** A data folder that nothing uses any more when the test is over. */
function dataFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-embedded-'));
  chmodSync(folder, 0o711);
  t.after(async () => {
    await waitUntil(() => !existsSync(join(folder, 'postgres.lock')), 20_000);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** A process that does with the embedded database what the server does, until SIGTERM. */
function startServer(t: TestContext, folder: string): StartedProcess {
  const script = `
    import { startEmbedded } from ${JSON.stringify(new URL('./embedded.js', import.meta.url).href)};
    const alive = setInterval(() => {}, 1_000);
    try {
      const database = await startEmbedded(${JSON.stringify(folder)});
      process.on('SIGTERM', async () => { await database.stop(); clearInterval(alive); process.disconnect?.(); });
      console.log('url=' + database.url + '!');
    } catch (error) {
      console.log('refused=' + error.message + '!');
      process.exit(1);
    }`;
  return startNode(t, ['--input-type=module', '--eval', script]);
}

async function urlOf(server: StartedProcess): Promise<string> {
  return (await printed(server, /url=(.*)!/))[1] ?? '';
}

async function withDatabase<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = openPool({ url, max: 1, name: 'test', statementTimeoutMs: 10_000, lockTimeoutMs: 0 });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

const store = (url: string) => withDatabase(url, async (sql) => void (await sql`create table kept as select 42 as n`));
const stored = (url: string) =>
  withDatabase(url, async (sql) => (await sql<{ n: number }[]>`select n from kept`)[0]?.n);

async function terminate(server: StartedProcess): Promise<void> {
  server.child.kill('SIGTERM');
  assert.equal((await exited(server)).code, 0);
}

async function kill(server: StartedProcess): Promise<void> {
  server.child.kill('SIGKILL');
  await exited(server);
}

const keeperOf = (folder: string): number => JSON.parse(readFileSync(join(folder, 'postgres.lock'), 'utf8')).keeper.pid;

test('stopped and started again it has its data, durable settings and secrets for its user only', async (t) => {
  const folder = dataFolder(t);
  const first = startServer(t, folder);
  const url = await urlOf(first);
  await store(url);
  const settings = await withDatabase(
    url,
    (sql) => sql<{ name: string; setting: string }[]>`
    select name, setting from pg_settings
    where name in ('fsync', 'full_page_writes', 'listen_addresses', 'synchronous_commit') order by name`,
  );
  assert.deepEqual(
    settings.map((row) => row.setting),
    ['on', 'on', '', 'on'],
    'durable, and out of reach for the network',
  );
  assert.equal(runningDatabase(folder), url, 'programs beside the server find it');
  assert.equal(await stored(`${url}&port=5432&sslmode=require`), 42, "with libpq's other parameters as libpq has them");
  assert.equal(
    statSync(join(folder, 'postgres.socket')).mode & 0o077,
    0,
    'and out of reach for others of this machine',
  );
  for (const file of ['postgres.json', 'postgres.log'])
    assert.equal(statSync(join(folder, file)).mode & 0o077, 0, file);
  await terminate(first);
  assert.equal(livingPostmaster(join(folder, 'postgres')), undefined);
  const second = startServer(t, folder);
  assert.equal(await stored(await urlOf(second)), 42);
  await terminate(second);
});

test('below a path too long for a socket it listens on a port of its own', async (t) => {
  const folder = join(dataFolder(t), 'deep'.repeat(25));
  mkdirSync(folder);
  const first = startServer(t, folder);
  const url = new URL(await urlOf(first));
  assert.match(url.host, /^127\.0\.0\.1:\d+$/);
  assert.equal(runningDatabase(folder), url.href);
  await store(url.href);
  await terminate(first);
  const second = startServer(t, folder);
  assert.equal(await urlOf(second), url.href, 'and keeps it');
  assert.equal(await stored(url.href), 42);
  await terminate(second);
});

test('killed with -9 and started at once it has its data', async (t) => {
  const folder = dataFolder(t);
  const first = startServer(t, folder);
  await store(await urlOf(first));
  await kill(first);
  const second = startServer(t, folder);
  assert.equal(await stored(await urlOf(second)), 42);
  await kill(second);
  assert.ok(
    await waitUntil(() => livingPostmaster(join(folder, 'postgres')) === undefined, 20_000),
    'it runs on without a server',
  );
});

test('a PostgreSQL whose keeper was killed as well is taken over', async (t) => {
  const folder = dataFolder(t);
  const first = startServer(t, folder);
  await store(await urlOf(first));
  const orphan = livingPostmaster(join(folder, 'postgres'));
  process.kill(keeperOf(folder), 'SIGKILL');
  await kill(first);
  assert.ok(orphan !== undefined && markOf(orphan) !== undefined);
  const second = startServer(t, folder);
  assert.equal(await stored(await urlOf(second)), 42);
  assert.notEqual(livingPostmaster(join(folder, 'postgres')), orphan);
  await terminate(second);
});

test('a second server on the same folder gets one sentence, and the first goes on', async (t) => {
  const folder = dataFolder(t);
  const first = startServer(t, folder);
  const url = await urlOf(first);
  await store(url);
  const second = startServer(t, folder);
  const end = await exited(second);
  assert.equal(end.code, 1);
  assert.match(
    end.stdout,
    new RegExp(
      `^refused=The database in .* is in use by another server \\(process ${first.child.pid}\\)\\..*DATA_DIR\\.!\n$`,
    ),
  );
  assert.equal(await stored(url), 42);
  await terminate(first);
});

test('of servers started at the same moment exactly one gets the folder', async (t) => {
  const folder = dataFolder(t);
  const racers = [1, 2, 3].map(() => startServer(t, folder));
  const texts = await Promise.all(racers.map((racer) => printed(racer, /(url|refused)=/)));
  assert.deepEqual(texts.map((match) => match[1]).toSorted(), ['refused', 'refused', 'url']);
  for (const racer of racers)
    if (racer.child.exitCode === null && racer.stdout().includes('url=')) await terminate(racer);
});

test('signals of the terminal do not reach the database, and a killed PostgreSQL comes back', async (t) => {
  const folder = dataFolder(t);
  const server = startServer(t, folder);
  const url = await urlOf(server);
  await store(url);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(keeperOf(folder), signal);
  assert.equal(await stored(url), 42);
  const before = livingPostmaster(join(folder, 'postgres'));
  assert.ok(before !== undefined);
  process.kill(before, 'SIGKILL');
  const back = () => {
    const now = livingPostmaster(join(folder, 'postgres'));
    return now !== undefined && now !== before;
  };
  assert.ok(await waitUntil(back, 20_000));
  await withDatabase(url, async (sql) => {
    // It refuses connections while it recovers.
    for (let n: number | undefined; n !== 42; )
      n = (await sql<{ n: number }[]>`select n from kept`.catch(() => []))[0]?.n;
  });
  await terminate(server);
});

test('a PostgreSQL that is just being started again is stopped, too', {
  skip: !existsSync('/proc/self/status'),
}, async (t) => {
  const folder = dataFolder(t);
  const cluster = join(folder, 'postgres');
  const server = startServer(t, folder);
  await withDatabase(await urlOf(server), async (sql) => {
    await sql`create table much as select n, repeat(md5(n::text), 8) as text from generate_series(1, 100000) n`;
  });
  const first = livingPostmaster(cluster);
  assert.ok(first !== undefined);
  process.kill(first, 'SIGKILL');
  let next = livingPostmaster(cluster);
  while (next === undefined || next === first) {
    await new Promise(setImmediate);
    next = livingPostmaster(cluster);
  }
  // Held where it is, in its recovery, until the keeper has either told it to stop or gone without.
  const second = next;
  process.kill(second, 'SIGSTOP');
  // Until then, as while it waits for the disk, the keeper's SIGINT would be taken first, and no longer be seen to wait.
  assert.ok(await waitUntil(() => statusOf(second, 'State').startsWith('T'), 20_000));
  const keeper = keeperOf(folder);
  server.child.kill('SIGTERM');
  const told = () => (signalsOf(second) & 2n) !== 0n || markOf(keeper) === undefined;
  assert.ok(await waitUntil(told, 20_000));
  process.kill(second, 'SIGCONT');
  assert.equal((await exited(server)).code, 0);
  const left = livingPostmaster(cluster);
  if (left !== undefined) process.kill(left, 'SIGINT');
  assert.equal(left, undefined, 'it runs on without a server');
});

/** Signals that wait for a process, as a mask: 2 is SIGINT. */
function signalsOf(pid: number): bigint {
  return BigInt(`0x${statusOf(pid, 'ShdPnd')}`);
}

/** What the system says of a process: see proc_pid_status(5). */
function statusOf(pid: number, name: 'State' | 'ShdPnd'): string {
  const line = new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  assert.ok(line?.[1] !== undefined);
  return line[1];
}

test('a disk so full that nothing can be logged does not end the database', async (t) => {
  const folder = dataFolder(t);
  const server = startServer(t, folder);
  const url = await urlOf(server);
  await store(url);
  const postmaster = livingPostmaster(join(folder, 'postgres'));
  rmSync(join(folder, 'postgres.log'));
  symlinkSync('/dev/full', join(folder, 'postgres.log'));
  // The keeper logs signals in the same way as what PostgreSQL prints, and handles them in order.
  process.kill(keeperOf(folder), 'SIGHUP');
  await withDatabase(url, (sql) => assert.rejects(sql`select 1 / 0`));
  await terminate(server);
  assert.ok(postmaster !== undefined && markOf(postmaster) === undefined, 'the keeper went without PostgreSQL');
});

test('half of a cluster, left by a server killed during its first start, is made anew', async (t) => {
  const folder = dataFolder(t);
  mkdirSync(join(folder, 'postgres.new'));
  writeFileSync(join(folder, 'postgres.new', 'PG_VERSION'), '18');
  const server = startServer(t, folder);
  await store(await urlOf(server));
  await terminate(server);
});

test('a pid file that names a living stranger does not keep the database from starting', async (t) => {
  const folder = dataFolder(t);
  const first = startServer(t, folder);
  await store(await urlOf(first));
  await terminate(first);
  const file = join(folder, 'postgres', 'postmaster.pid');
  writeFileSync(file, `${process.pid}\n${folder}/postgres\n`);
  const second = startServer(t, folder);
  assert.equal(await stored(await urlOf(second)), 42);
  await terminate(second);
});

test('a lost password, or a cluster of another version, is refused with a sentence', async (t) => {
  const folder = dataFolder(t);
  mkdirSync(join(folder, 'postgres'));
  writeFileSync(join(folder, 'postgres', 'PG_VERSION'), '17\n');
  assert.match((await exited(startServer(t, folder))).stdout, /refused=.*postgres\.json.* is missing or damaged/);
  writeFileSync(join(folder, 'postgres.json'), JSON.stringify({ password: 'x', port: 0 }));
  const server = startServer(t, folder);
  await once(server.child, 'close');
  assert.match(server.stdout(), /refused=.* was made by PostgreSQL 17/);
});
