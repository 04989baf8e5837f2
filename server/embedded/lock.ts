import { createHash } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import { isAlive, markOf, waitUntil } from './alive.ts';
import type { DatabaseFolder } from './folder.ts';

const processSchema = v.object({ pid: v.number(), mark: v.string() });
/** Two processes: the keeper, which runs PostgreSQL, and the server it does that for. */
const lockSchema = v.object({ keeper: processSchema, server: processSchema });
const lockTextSchema = v.pipe(v.string(), v.parseJson(), lockSchema);

/** The folder belongs to another server that is running. The message is for the operator. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
}

/**
 * Makes this process the keeper of the folder, for the server `serverPid`. A keeper whose server was killed is about to
 * stop its database and is waited for.
 */
export async function takeLock(folder: DatabaseFolder, serverPid: number, withinMs = 60_000): Promise<void> {
  const own: v.InferOutput<typeof lockSchema> = { keeper: identity(process.pid), server: identity(serverPid) };
  const draft = `${folder.lock}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    const taken = await waitUntil(() => tryLock(folder, folder.lock, draft), withinMs);
    if (!taken)
      throw new FolderInUse(
        `The database in ${folder.cluster} is still being stopped. Try again in a minute, or look into ${folder.log}.`,
      );
  } finally {
    rmSync(draft, { force: true });
  }
}

export function releaseLock(folder: DatabaseFolder): void {
  rmSync(folder.lock, { force: true });
}

/**
 * Only whoever holds the lock of a dead keeper's lock may replace it, and replaces it in one step. Were it taken away
 * first, somebody who judged it a moment ago could take away its successor, and a third one find the place free.
 */
function tryLock(folder: DatabaseFolder, path: string, draft: string): boolean {
  if (linked(draft, path)) return true;
  const judged = contentOf(path);
  if (judged === undefined) return false;
  // One that is damaged holds nothing.
  const holder = v.safeParse(lockTextSchema, judged);
  if (holder.success && isAlive(holder.output.keeper)) {
    const { server } = holder.output;
    if (path !== folder.lock || !isAlive(server)) return false;
    throw new FolderInUse(
      `The database in ${folder.cluster} is in use by another server (process ${server.pid}). Stop that one, or choose another folder with DATA_DIR.`,
    );
  }
  const claim = `${path}.${createHash('sha256').update(judged).digest('hex').slice(0, 16)}`;
  if (!tryLock(folder, claim, draft)) return false;
  if (contentOf(path) === judged) {
    renameSync(claim, path);
    return true;
  }
  rmSync(claim);
  return false;
}

function linked(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Undefined if it was given back meanwhile. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

function identity(pid: number): { pid: number; mark: string } {
  return { pid, mark: markOf(pid) ?? '' };
}
