import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** True if the process with this number is the one that had this mark: numbers are used again. */
export function isAlive(process: { readonly pid: number; readonly mark: string }): boolean {
  return markOf(process.pid) === process.mark;
}

/** What tells this life of a process number from another one; `undefined` if there is no such process. */
export function markOf(pid: number): string | undefined {
  if (existsSync('/proc/self/stat')) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in parentheses may hold anything; the state is the 1st field behind it, the start time the 20th.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`;
    } catch {
      // No such process.
      return undefined;
    }
  }
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim() || undefined
    );
  } catch {
    // ps fails for an unknown number.
    return undefined;
  }
}

/** The postmaster that runs on this cluster, whoever started it. */
export function livingPostmaster(cluster: string): number | undefined {
  const file = `${cluster}/postmaster.pid`;
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1 || markOf(pid) === undefined) return undefined;
  return worksIn(pid, cluster) ? pid : undefined;
}

/** A postmaster's working directory is its cluster; a number that was used again for another program is told by that. */
function worksIn(pid: number, cluster: string): boolean {
  if (!existsSync('/proc/self/cwd')) {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(cluster);
  }
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === cluster;
  } catch {
    // Ended meanwhile, or belongs to somebody else.
    return false;
  }
}

/** True once `gone()` is; looks until the time is over. */
export async function waitUntil(gone: () => boolean, withinMs: number): Promise<boolean> {
  for (const end = Date.now() + withinMs; !gone(); ) {
    if (Date.now() > end) return false;
    await delay(50);
  }
  return true;
}
