import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type Binaries, launch } from './binaries.ts';

export const superuser = 'sotto';

/** Makes an empty database cluster in `dir`, which belongs to the database's user and to nobody else. */
export async function initCluster(binaries: Binaries, dir: string, password: string): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const passwordFile = `${dir}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  const { user } = binaries;
  if (user.kind === 'other') {
    chownSync(dir, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  try {
    await runInit(binaries, [
      `--pgdata=${dir}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ]);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

export type Settings = Readonly<Record<string, string | number>>;

/**
 * Starts the postmaster; settles once it accepts connections. What it prints goes to `onLine`; `onSpawn` gets it before it
 * is ready, which takes a while when it has to recover.
 */
export function startPostmaster(
  binaries: Binaries,
  dir: string,
  settings: Settings,
  onLine: (line: string) => void,
  onSpawn: (child: ChildProcess) => void = () => {},
): Promise<ChildProcess> {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { file, args, options } = launch(binaries.user, binaries.postgres, ['-D', dir, ...flags]);
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  onSpawn(child);
  return new Promise((resolve, reject) => {
    const recent: string[] = [];
    child.once('error', reject);
    // 'close' and not 'exit': its last words are read first.
    child.once('close', () => reject(new Error(`PostgreSQL did not start:\n${recent.join('\n')}`)));
    readLines(child, (line) => {
      if (recent.push(line) > 20) recent.shift();
      onLine(line);
      if (/database system is ready to accept (read-only )?connections/.test(line)) resolve(child);
    });
  });
}

/** A fast shutdown: open transactions are rolled back, the cluster is left clean. */
export function stopPostmaster(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGINT');
  });
}

function runInit(binaries: Binaries, initArgs: readonly string[]): Promise<void> {
  const { file, args, options } = launch(binaries.user, binaries.initdb, initArgs);
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  const lines: string[] = [];
  readLines(child, (line) => lines.push(line));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`The database could not be made (${signal ?? code}):\n${lines.join('\n')}`));
    });
  });
}

function readLines(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}
