import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinaries } from '../embedded/binaries.ts';
import { initCluster, type Settings, startPostmaster, stopPostmaster, superuser } from '../embedded/cluster.ts';
import { freePort } from '../embedded/port.ts';
import { openPool } from '../store/pool.ts';

export interface ThrowAwayPostgres {
  readonly url: string;
  /** As `pg_ctl restart -m immediate`: every backend dies where it stands, and the log is recovered from. */
  crash(): Promise<void>;
  /** Crashes, and comes back as a standby, which may only be read. */
  standBy(): Promise<void>;
  /** The standby takes over, in a timeline of its own. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A real PostgreSQL for one test run, in a temporary folder. Nothing in it survives the machine, so `fsync` is off;
 * killing its processes still loses nothing, which is what tests do.
 */
export async function throwAwayPostgres(more: Settings = {}): Promise<ThrowAwayPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'sotto-postgres-'));
  chmodSync(home, 0o711);
  const dir = join(home, 'data');
  const password = randomBytes(12).toString('hex');
  const port = await freePort();
  try {
    const binaries = await findBinaries(home);
    await initCluster(binaries, dir, password);
    const settings = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: 400,
      shared_buffers: '256MB',
      fsync: 'off',
      full_page_writes: 'off',
      max_wal_size: '2GB',
      ...more,
    };
    const start = () => startPostmaster(binaries, dir, settings, () => {});
    let postmaster = await start();
    const stop = async (): Promise<void> => {
      await stopPostmaster(postmaster);
      rmSync(home, { recursive: true, force: true });
    };
    const crash = async (): Promise<void> => {
      const gone = new Promise((resolve) => postmaster.once('exit', resolve));
      postmaster.kill('SIGQUIT');
      await gone;
      postmaster = await start();
    };
    const url = `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`;
    const standBy = async (): Promise<void> => {
      writeFileSync(join(dir, 'standby.signal'), '');
      await crash();
    };
    const promote = async (): Promise<void> => {
      const sql = openPool({ url, max: 1, name: 'test', statementTimeoutMs: 0, lockTimeoutMs: 0 });
      await sql`select pg_promote()`;
      await sql.end({ timeout: 1 });
    };
    return { url, crash, standBy, promote, stop };
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}
