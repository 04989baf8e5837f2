import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { type TestProxy, testProxy } from '../testing/proxy.ts';
import { StoreRefused, StoreUnavailable } from './errors.ts';
import { type Gate, type GateLimits, openGate, type QueryClass } from './gate.ts';

const narrow = { connections: 2, queue: 3, statementTimeoutMs: 400 };
const limits: GateLimits = {
  append: narrow,
  read: narrow,
  search: narrow,
  background: narrow,
  startWithinMs: 150,
  lockTimeoutMs: 100,
};
const patient: GateLimits = { ...limits, startWithinMs: 5_000, read: { ...narrow, statementTimeoutMs: 5_000 } };

function opened(
  url: string,
  chosen: GateLimits = limits,
  waited?: (kind: QueryClass, ms: number) => void,
): Gate & AsyncDisposable {
  const gate = openGate(url, chosen, waited);
  return { ...gate, [Symbol.asyncDispose]: () => gate.close() };
}

/** Queries that run until `release`, on the lock of a connection of the test's own. */
async function holdLock(db: TestDatabase): Promise<() => Promise<void>> {
  let release = (): void => {};
  const held = new Promise<void>((taken) => {
    void db.sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(1)`;
      taken();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
  });
  await held;
  return async () => {
    release();
    await db.sql`select pg_advisory_xact_lock(1)`;
  };
}

/** Something to break between a gate and its database. */
async function proxyTo(db: TestDatabase): Promise<TestProxy & { readonly url: string }> {
  const url = new URL(db.url);
  const proxy = await testProxy({ host: url.hostname, port: Number(url.port) });
  url.host = `127.0.0.1:${proxy.port}`;
  return { ...proxy, url: url.href };
}

const unavailable = (outcome: string) => (error: unknown) =>
  error instanceof StoreUnavailable && error.outcome === outcome;

test('a class has at most its connections at work, its queue waiting, and refuses the rest at once', async () => {
  await using db = await testDatabase();
  const waits: string[] = [];
  await using gate = opened(db.url, patient, (kind, ms) => waits.push(`${kind} ${ms > 0}`));
  const release = await holdLock(db);
  const order: number[] = [];
  const calls = [1, 2, 3, 4, 5].map((n) =>
    gate.run('read', async (sql) => {
      order.push(n);
      await sql`set lock_timeout = 0`;
      await sql`select pg_advisory_xact_lock_shared(1)`;
    }),
  );
  await assert.rejects(
    gate.run('read', (sql) => sql`select 1`),
    unavailable('not_done'),
  );
  assert.deepEqual(gate.counts().read, { running: 2, waiting: 3, refused: 1, expired: 0, abandoned: 0 });
  await gate.run('append', (sql) => sql`select 1`);
  await release();
  await Promise.all(calls);
  assert.deepEqual(order, [1, 2, 3, 4, 5]);
  assert.deepEqual(waits, ['read true', 'read true', 'read true'], 'three had to wait, and it was measured');
  assert.deepEqual(gate.counts().read, { running: 0, waiting: 0, refused: 1, expired: 0, abandoned: 0 });
});

test('all connections are made at once when asked for, and the first that is free is used again', async () => {
  await using db = await testDatabase();
  await using gate = opened(db.url);
  const made = async (): Promise<{ name: string; pid: number }[]> => [
    ...(await db.sql<{ name: string; pid: number }[]>`
    select application_name as name, pid from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and application_name <> 'sotto test' order by 1, 2`),
  ];
  assert.deepEqual(await made(), []);
  await gate.connect();
  const before = await made();
  assert.deepEqual(
    before.map(({ name }) => name),
    ['append', 'background', 'read', 'search'].flatMap((kind) => [`sotto ${kind}`, `sotto ${kind}`]),
  );
  const used = new Set<number>();
  for (let n = 0; n < 10; n += 1)
    for (const { pid } of await gate.run('read', (sql) => sql<{ pid: number }[]>`select pg_backend_pid() as pid`))
      used.add(pid);
  assert.equal(used.size, 1, 'one after the other they share a connection');
  assert.deepEqual(await made(), before, 'and nobody made another');
});

test('a connection that is lost and cannot be made again is left aside while others are there', async () => {
  await using db = await testDatabase();
  await using proxy = await proxyTo(db);
  await using gate = opened(proxy.url);
  await gate.connect();
  // Whoever connects says who they are.
  proxy.cutAt('application_name');
  await assert.rejects(
    gate.run('read', (sql) => sql`select pg_terminate_backend(pg_backend_pid())`),
    StoreUnavailable,
  );
  for (let n = 0; n < 5; n += 1) await gate.run('read', (sql) => sql`select 1`);
  const both = await Promise.allSettled([1, 2].map(() => gate.run('read', (sql) => sql`select 1`)));
  assert.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
    'two at once need the lost one',
  );
  proxy.cutAt(undefined);
  await Promise.all([1, 2].map(() => gate.run('read', (sql) => sql`select 1`)));
});

test('one silent connection has its idle neighbours made anew', async () => {
  await using db = await testDatabase();
  await using proxy = await proxyTo(db);
  await using gate = opened(proxy.url);
  await gate.connect();
  proxy.freeze();
  await assert.rejects(
    gate.run('read', (sql) => sql`select 1`),
    unavailable('unknown'),
  );
  proxy.pass();
  await Promise.all([1, 2].map(() => gate.run('read', (sql) => sql`select 1`)));
  assert.equal(gate.counts().read.abandoned, 1, 'nobody else had to wait for a dead one');
});

test('a query that does not begin in time is refused, surely not done', async () => {
  await using db = await testDatabase();
  await using gate = opened(db.url, { ...limits, read: { ...narrow, connections: 1, statementTimeoutMs: 5_000 } });
  const slow = gate.run('read', (sql) => sql`select pg_sleep(0.5)`);
  await assert.rejects(
    gate.run('read', (sql) => sql`select 1`),
    unavailable('not_done'),
  );
  assert.equal(gate.counts().read.expired, 1);
  await slow;
  await gate.run('read', (sql) => sql`select 1`);
});

test('a statement over its time is unavailable, and its class goes on', async () => {
  await using db = await testDatabase();
  await using gate = opened(db.url);
  await assert.rejects(
    gate.run('read', (sql) => sql`select pg_sleep(10)`),
    unavailable('not_done'),
  );
  await gate.run('read', (sql) => sql`select 1`);
});

test('a PostgreSQL that is silent does not hold anyone, and new connections are made when it is back', async () => {
  await using db = await testDatabase();
  await using proxy = await proxyTo(db);
  await using gate = opened(proxy.url);
  await gate.run('append', (sql) => sql`select 1`);
  proxy.freeze();
  const lost = [1, 2].map(() => gate.run('append', (sql) => sql`select 1`));
  for (const call of lost) await assert.rejects(call, unavailable('unknown'));
  assert.equal(gate.counts().append.abandoned, 2);
  proxy.thaw();
  await gate.run('append', (sql) => sql`select 1`);
});

test('a connection cut during a transaction is unavailable with an unknown outcome, and the process lives', async () => {
  await using db = await testDatabase();
  await using proxy = await proxyTo(db);
  await using gate = opened(proxy.url);
  const cut = gate.transaction('append', async (tx) => {
    await tx`select 1`;
    const sleeping = tx`select pg_sleep(10)`.then(() => {});
    proxy.cut();
    await sleeping;
  });
  await assert.rejects(cut, unavailable('unknown'));
  // Each connection of the pool must be good again, also the one that was cut.
  for (let n = 0; n < 5; n += 1) await gate.transaction('append', (tx) => tx`select 1`);
});

test('a connection cut while the driver looks at it for the first time is unavailable, and the process lives', async () => {
  await using db = await testDatabase();
  await using proxy = await proxyTo(db);
  await using gate = opened(proxy.url);
  // A question of the driver's own, whose failure nobody would hear of but the process.
  proxy.cutAt('pg_catalog.pg_type');
  await assert.rejects(
    gate.run('append', (sql) => sql`select 1`),
    unavailable('unknown'),
  );
  proxy.cutAt(undefined);
  for (let n = 0; n < 5; n += 1) await gate.run('append', (sql) => sql`select 1`);
});

test('no PostgreSQL at all is unavailable, surely not done', async () => {
  await using gate = opened('postgres://nobody@127.0.0.1:1/none');
  await assert.rejects(
    gate.run('read', (sql) => sql`select 1`),
    unavailable('not_done'),
  );
});

test('a socket whose queue is full, as of a PostgreSQL that was stopped, is unavailable, surely not done', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-gate-'));
  const path = join(folder, '.s.PGSQL.5432');
  const listen = `require('node:net').createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => console.log())`;
  const stopped = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => {
    stopped.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  await once(stopped.stdout, 'data');
  stopped.kill('SIGSTOP');
  const full = async (): Promise<boolean> => {
    const socket = connect(path);
    t.after(() => socket.destroy());
    return once(socket, 'connect').then(
      () => false,
      () => true,
    );
  };
  while (!(await full()));
  await using gate = opened(`postgres://nobody@localhost/none?host=${folder}`);
  await assert.rejects(
    gate.run('read', (sql) => sql`select 1`),
    unavailable('not_done'),
  );
});

test('a constraint comes back with its name, a thrown error as it is, and both roll back', async () => {
  await using db = await testDatabase();
  await using gate = opened(db.url);
  await gate.run('read', (sql) => sql`create table unique_numbers (n integer constraint only_once unique)`);
  const twice = gate.transaction('append', async (tx) => {
    await tx`insert into unique_numbers values (1)`;
    await tx`insert into unique_numbers values (1)`;
  });
  await assert.rejects(
    twice,
    (error) => error instanceof StoreRefused && error.sqlState === '23505' && error.constraint === 'only_once',
  );
  const own = new Error('changed my mind');
  const thrown = gate.transaction('append', async (tx) => {
    await tx`insert into unique_numbers values (2)`;
    throw own;
  });
  await assert.rejects(thrown, (error) => error === own);
  assert.deepEqual([...(await gate.run('read', (sql) => sql`select n from unique_numbers`))], []);
});

test('closing refuses what waits and what comes, and lets what runs finish', async () => {
  await using db = await testDatabase();
  const gate = openGate(db.url, { ...patient, read: { ...narrow, connections: 1, statementTimeoutMs: 5_000 } });
  const running = gate.run('read', (sql) => sql<{ n: number }[]>`select 1 as n from pg_sleep(0.2)`);
  const waiting = gate.run('read', (sql) => sql`select 1`);
  const refused = assert.rejects(waiting, unavailable('not_done'));
  await gate.close();
  await refused;
  assert.equal((await running)[0]?.n, 1);
  await assert.rejects(
    gate.run('read', (sql) => sql`select 1`),
    unavailable('not_done'),
  );
});

test('a deadlock is no bug: nothing was done, and the same may succeed later', async () => {
  await using db = await testDatabase();
  await using gate = opened(db.url, patient);
  for (const code of ['40P01', '40001']) {
    const raise = `do $$ begin raise exception using errcode = '${code}'; end $$`;
    await assert.rejects(
      gate.run('read', (sql) => sql.unsafe(raise)),
      unavailable('not_done'),
    );
  }
});
