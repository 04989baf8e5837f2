import { createHash, randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { E2eeError } from '../e2ee/error.ts';

const held = new Set<string>();

/** One process at a time, one opening at a time. The lock of a process that is no more is taken over. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(resolve(folder), 'store.lock');
  if (held.has(path)) throw locked(path, 'this process');
  held.add(path);
  try {
    // Linked into its place when it is whole: nobody ever sees a lock without its owner.
    const own = `${process.pid}.${randomBytes(8).toString('hex')}`;
    const draft = `${path}.draft.${own}`;
    try {
      await writeFile(draft, own, { mode: 0o600 });
      await take(path, draft);
    } finally {
      await rm(draft, { force: true });
    }
  } catch (error) {
    held.delete(path);
    throw error;
  }
  return async () => {
    await rm(path, { force: true });
    held.delete(path);
  };
}

/**
 * Only whoever holds the lock of a dead process's lock may replace it, and replaces it in one step. Were it taken away
 * first, somebody who judged it a moment ago could take away its successor, and a third one find the place free.
 */
async function take(path: string, draft: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await linked(draft, path)) return;
    const judged = await ownerOf(path);
    if (judged === undefined) continue;
    const pid = Number.parseInt(judged, 10);
    // Not held by us (see `held`), so our own pid there is of an earlier process with the same number.
    if (pid !== process.pid && isAlive(pid)) throw locked(path, `process ${pid}`);
    const claim = `${path}.${createHash('sha256').update(judged).digest('hex').slice(0, 16)}`;
    await take(claim, draft);
    if ((await ownerOf(path)) === judged) return rename(claim, path);
    await rm(claim, { force: true });
  }
  throw locked(path, 'another process');
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** What its owner wrote; undefined when it was given back meanwhile. */
async function ownerOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
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
