import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import { isAlive, markOf, waitUntil } from './alive.ts';
import { type DatabaseFolder, readJson } from './folder.ts';

const processSchema = v.object({ pid: v.number(), mark: v.string() });
const lockSchema = v.object({ keeper: processSchema, server: processSchema });
/** Two processes: the keeper, which runs PostgreSQL, and the server it does that for. */
type Lock = v.InferOutput<typeof lockSchema>;

/** The folder belongs to another server that is running. The message is for the operator. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
}

/**
 * Makes this process the keeper of the folder, for the server `serverPid`. A keeper whose server was killed is about to
 * stop its database and is waited for.
 */
export async function takeLock(folder: DatabaseFolder, serverPid: number, withinMs = 60_000): Promise<void> {
  const own: Lock = { keeper: identity(process.pid), server: identity(serverPid) };
  const draft = `${folder.lock}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    const taken = await waitUntil(() => tryLock(folder, draft), withinMs);
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

function tryLock(folder: DatabaseFolder, draft: string): boolean {
  const holder = readJson(folder.lock, lockSchema);
  if (holder !== undefined && isAlive(holder.keeper)) {
    if (!isAlive(holder.server)) return false;
    throw new FolderInUse(
      `The database in ${folder.cluster} is in use by another server (process ${holder.server.pid}). Stop that one, or choose another folder with DATA_DIR.`,
    );
  }
  setAside(folder, holder, `${draft}.stale`);
  try {
    linkSync(draft, folder.lock);
    return true;
  } catch {
    // Another one was faster; the next look tells who.
    return false;
  }
}

/** Takes away a dead keeper's lock, unless somebody has replaced it since it was read. */
function setAside(folder: DatabaseFolder, judged: Lock | undefined, aside: string): void {
  try {
    renameSync(folder.lock, aside);
  } catch {
    // There was none.
    return;
  }
  const found = readJson(aside, lockSchema);
  if (JSON.stringify(found) !== JSON.stringify(judged)) {
    try {
      linkSync(aside, folder.lock);
    } catch {
      // Somebody else has it by now; the next look tells who.
    }
  }
  rmSync(aside, { force: true });
}

function identity(pid: number): { pid: number; mark: string } {
  return { pid, mark: markOf(pid) ?? '' };
}
