/**
 * The process that runs the embedded PostgreSQL for one server. It is detached, so that Ctrl-C in the terminal doesn't
 * reach the database before the server has drained. It stops the database when told, and when its channel to the
 * server closes: that happens also when the server was killed with -9.
 */
import type { ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { livingPostmaster, waitUntil } from './alive.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { initCluster, type Settings, startPostmaster, stopPostmaster } from './cluster.ts';
import { databaseFolder, readAccess, urlOf, writeAccess } from './folder.ts';
import { releaseLock, takeLock } from './lock.ts';
import { freePort, isFree } from './port.ts';
import { listenOn, makeSocketFolder } from './socket.ts';

/** What the keeper tells its server. */
export type KeeperReport =
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'failed'; readonly message: string };

const clusterVersion = '18';
const maxLogBytes = 8 * 1024 * 1024;
/** PostgreSQL is started again when it ends by itself, but not for ever. */
const maxRestarts = 5;

const folder = databaseFolder(process.argv[2] ?? '');
let postmaster: ChildProcess | undefined;
let locked = false;
let stopping = false;
let restarts = 0;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => logLine(`keeper: ${signal} is for the server, which will tell`));
process.on('message', () => void stop());
process.on('disconnect', () => void stop());
process.on('uncaughtException', (error) => {
  logLine(`keeper: ${error.stack}`);
  void stop();
});

try {
  await takeLock(folder, process.ppid);
  locked = true;
} catch (error) {
  end(error);
}
try {
  const url = await start();
  if (!stopping) report({ kind: 'ready', url });
} catch (error) {
  releaseLock(folder);
  end(error);
}

async function start(): Promise<string> {
  await takeOver();
  const binaries = await findBinaries(folder.cluster);
  const access = readAccess(folder);
  const port = (await makeSocketFolder(binaries, folder.socket)) ? 0 : await portLike(access.port);
  writeAccess(folder, { ...access, port });
  if (!existsSync(folder.cluster)) await makeCluster(binaries, access.password);
  checkVersion();
  await run(binaries, { ...listenOn(port === 0 ? folder.socket : port), ...tuning() });
  return urlOf(folder, { ...access, port });
}

async function portLike(port: number): Promise<number> {
  return port !== 0 && (await isFree(port)) ? port : freePort();
}

/** A postmaster without a keeper, because that was killed as well, is stopped: it may run with other settings. */
async function takeOver(): Promise<void> {
  const orphan = livingPostmaster(folder.cluster);
  if (orphan === undefined) {
    forgetForeignPid();
    return;
  }
  logLine(`keeper: stopping the postmaster ${orphan}, which an earlier server left`);
  process.kill(orphan, 'SIGINT');
  if (await waitUntil(() => livingPostmaster(folder.cluster) === undefined, 60_000)) return;
  throw new Error(
    `The PostgreSQL that an earlier server left (process ${orphan}) does not stop. Look into ${folder.log}.`,
  );
}

/** PostgreSQL takes any living process with the number in its pid file for a postmaster; here it is known to be none. */
function forgetForeignPid(): void {
  const file = `${folder.cluster}/postmaster.pid`;
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  // If nobody has the number, PostgreSQL recovers by itself, and looks for left-over backends before it does.
  if (existsSync(`/proc/${pid}`)) rmSync(file);
}

/** Made aside and renamed, so that a killed server leaves no half of a cluster. */
async function makeCluster(binaries: Binaries, password: string): Promise<void> {
  const draft = `${folder.cluster}.new`;
  rmSync(draft, { recursive: true, force: true });
  await initCluster(binaries, draft, password);
  renameSync(draft, folder.cluster);
}

function checkVersion(): void {
  const version = readFileSync(`${folder.cluster}/PG_VERSION`, 'utf8').trim();
  if (version === clusterVersion) return;
  throw new Error(
    `${folder.cluster} was made by PostgreSQL ${version}, and this server brings ${clusterVersion}. Dump it with the old server's PostgreSQL and restore it into a new folder.`,
  );
}

async function run(binaries: Binaries, settings: Settings): Promise<void> {
  let child: ChildProcess;
  // Known from its first moment and for as long as it lives: whoever stops while it recovers must not leave it behind.
  const spawned = (started: ChildProcess): void => {
    postmaster = started;
    started.once('exit', () => {
      postmaster = undefined;
    });
  };
  for (let attempt = 1; ; attempt += 1) {
    if (stopping) finish();
    try {
      child = await startPostmaster(binaries, folder.cluster, settings, logLine, spawned);
      break;
    } catch (error) {
      // Backends of a killed postmaster take a moment to notice; until then the next one must not start.
      if (stopping || attempt === maxRestarts || !String(error).includes('shared memory')) throw error;
      await delay(500 * attempt);
    }
  }
  child.once('exit', (code, signal) => {
    if (!stopping) void restart(binaries, settings, signal ?? code);
  });
}

async function restart(binaries: Binaries, settings: Settings, how: unknown): Promise<void> {
  restarts += 1;
  logLine(`keeper: PostgreSQL ended (${how}), starting it again`);
  try {
    if (restarts > maxRestarts) throw new Error(`PostgreSQL ended ${restarts} times. Look into ${folder.log}.`);
    await delay(200);
    await run(binaries, settings);
  } catch (error) {
    releaseLock(folder);
    end(error);
  }
}

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  if (!locked) process.exit(0);
  // Before it is started there is none yet; what is done until then can't be hurried, and sees by itself that it is to stop.
  await waitUntil(() => postmaster !== undefined, 60_000);
  if (postmaster !== undefined) await stopPostmaster(postmaster);
  finish();
}

function finish(): never {
  releaseLock(folder);
  process.exit(0);
}

function end(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  logLine(`keeper: ${message}`);
  report({ kind: 'failed', message });
  process.exit(1);
}

function report(message: KeeperReport): void {
  // The server may be gone; then there is nobody to tell.
  if (process.connected) process.send?.(message);
}

function logLine(line: string): void {
  try {
    if (existsSync(folder.log) && statSync(folder.log).size > maxLogBytes) renameSync(folder.log, `${folder.log}.old`);
    appendFileSync(folder.log, `${line}\n`, { mode: 0o600 });
  } catch {
    // The disk is full, say. PostgreSQL lives through that, and a line is no reason to stop it.
  }
}

function tuning(): Settings {
  const megabytes = Math.floor(totalmem() / 2 ** 20);
  return {
    max_connections: 100,
    shared_buffers: `${Math.max(128, Math.min(1_024, Math.floor(megabytes / 8)))}MB`,
    effective_cache_size: `${Math.max(256, Math.floor(megabytes / 2))}MB`,
    max_worker_processes: Math.max(8, availableParallelism()),
    // What was acknowledged survives the loss of power.
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    wal_compression: 'off',
    max_wal_size: '2GB',
    checkpoint_timeout: '10min',
    jit: 'off',
    shared_preload_libraries: 'pg_stat_statements',
    log_line_prefix: '%m [%p] ',
    // Statements and details of errors carry what users wrote.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_parameter_max_length: 0,
  };
}
