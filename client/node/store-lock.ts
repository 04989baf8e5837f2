import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { E2eeError } from '../e2ee/error.ts';

const held = new Set<string>();

/** One process at a time, one opening at a time. The lock of a process that is no more is taken over. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(resolve(folder), 'store.lock');
  if (held.has(path)) throw locked(path, 'this process');
  held.add(path);
  try {
    await take(path);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    await rm(path, { force: true });
    held.delete(path);
  };
}

async function take(path: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      return await writeFile(path, String(process.pid), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => '0'));
    // Not held by us (see `held`), so our own pid there is of an earlier process with the same number.
    if (owner !== process.pid && isAlive(owner)) throw locked(path, `process ${owner}`);
    await rm(path, { force: true });
  }
  throw locked(path, 'another process');
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const locked = (path: string, by: string) =>
  new E2eeError('store_locked', `The key store is in use by ${by}. If that is wrong, delete ${path}.`);
