import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries } from '../../server/embedded/binaries.ts';
import { initCluster, startPostmaster, stopPostmaster } from '../../server/embedded/cluster.ts';
import { freePort } from '../../server/embedded/port.ts';
import { listenOn, makeSocketFolder, urlAt } from '../../server/embedded/socket.ts';
import { migrate } from '../../server/store/migrate.ts';
import { openPool, type Sql } from '../../server/store/pool.ts';
import { parentOf } from '../measure/cpu.ts';

export interface BenchPostgres extends AsyncDisposable {
  /** The postmaster's process id; undefined if it runs on another machine. */
  readonly pid: number | undefined;
  /** What decides how durable a commit is, and what it costs. */
  readonly settings: Readonly<Record<string, string>>;
  /** A new database with the server's schema in it, dropped at the end. */
  database(): Promise<BenchDatabase>;
  /** Writes out what earlier runs left dirty, so that it doesn't burden the next one. */
  settle(): Promise<void>;
}

export interface BenchDatabase {
  readonly url: string;
  readonly sql: Sql;
}

// What the embedded database of `npm start` would have, too: nothing here trades durability for speed.
const SETTINGS = {
  max_connections: 300,
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  jit: 'off',
  track_io_timing: 'on',
};
const SHOWN = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_sync_method',
  'shared_buffers',
  'max_wal_size',
];

/** The PostgreSQL of DATABASE_URL, or a throw-away one with every safety on; for a profile it counts its statements. */
export async function benchPostgres(profiled = false): Promise<BenchPostgres> {
  const given = process.env.DATABASE_URL;
  if (given) return postgresOn({ url: given, stop: async () => {} });
  return privatePostgres(profiled ? { shared_preload_libraries: 'pg_stat_statements' } : {});
}

/** A throw-away one with settings of its own. */
export const privatePostgres = async (settings: Readonly<Record<string, string>>): Promise<BenchPostgres> =>
  postgresOn(await throwAwayCluster(settings));

interface Cluster {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

async function postgresOn(cluster: Cluster): Promise<BenchPostgres> {
  const admin = open(cluster.url);
  const databases: { readonly name: string; readonly sql: Sql }[] = [];
  const rows = await admin<{ name: string; value: string }[]>`
    select name, current_setting(name) as value from pg_settings where name in ${admin(SHOWN)}`;
  return {
    pid: await postmasterOf(admin),
    settings: Object.fromEntries(rows.map(({ name, value }) => [name, value])),
    async database() {
      const name = `bench_${randomBytes(6).toString('hex')}`;
      await admin`create database ${admin(name)}`;
      const url = new URL(cluster.url);
      url.pathname = `/${name}`;
      await migrate(url.href);
      const sql = open(url.href);
      databases.push({ name, sql });
      return { url: url.href, sql };
    },
    async settle() {
      await admin`checkpoint`;
    },
    async [Symbol.asyncDispose]() {
      for (const { name, sql } of databases) {
        await sql.end({ timeout: 1 });
        await admin`drop database ${admin(name)} with (force)`;
      }
      await admin.end({ timeout: 1 });
      await cluster.stop();
    },
  };
}

const open = (url: string): Sql => openPool({ url, max: 2, name: 'bench', statementTimeoutMs: 0, lockTimeoutMs: 0 });

async function throwAwayCluster(settings: Readonly<Record<string, string>>): Promise<Cluster> {
  const home = mkdtempSync(join(tmpdir(), 'sotto-bench-'));
  chmodSync(home, 0o711);
  const password = randomBytes(12).toString('hex');
  const dir = join(home, 'data');
  const socket = join(home, 'socket');
  try {
    const binaries = await findBinaries(home);
    await initCluster(binaries, dir, password);
    const place = (await makeSocketFolder(binaries, socket)) ? socket : await freePort();
    const postmaster = await startPostmaster(binaries, dir, { ...listenOn(place), ...SETTINGS, ...settings }, () => {});
    // Also when the bench is interrupted: no database may be left behind.
    const abandon = () => {
      postmaster.kill('SIGQUIT');
      rmSync(home, { recursive: true, force: true });
    };
    process.once('exit', abandon);
    return {
      url: urlAt(place, password),
      async stop() {
        process.off('exit', abandon);
        await stopPostmaster(postmaster);
        rmSync(home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}

/** A backend's parent is the postmaster, if it runs on this machine and that really is a backend of it. */
async function postmasterOf(sql: Sql): Promise<number | undefined> {
  const [row] = await sql<{ pid: number; local: boolean }[]>`
    select pg_backend_pid() as pid, coalesce(inet_server_addr() << '127.0.0.0/8', true) as local`;
  return row?.local === true ? parentOf(row.pid) : undefined;
}
