import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Process ids by name; each counts with everything below it in the process tree. */
export type CpuWatch = Readonly<Record<string, number>>;
/** CPU seconds, user and system, by name. */
export type CpuTimes = Readonly<Record<string, number>>;

// sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on.
const TICKS_PER_SECOND = 100;

const NANOS = 1e9;

interface ProcessTimes {
  readonly parent: number;
  /** Of the process and of its children that ended and were waited for. */
  readonly ticks: number;
}

/** CPU time so far. Empty where there is no /proc. */
export function readCpu(watch: CpuWatch): CpuTimes {
  const processes = readProcesses();
  return Object.fromEntries(
    Object.entries(watch).map(([name, pid]) => [name, treeTicks(processes, pid) / TICKS_PER_SECOND]),
  );
}

/**
 * The same to the microsecond, for short pieces of work by processes that don't end meanwhile. Only of each process's
 * main thread, which is all that PostgreSQL has.
 */
export function readPreciseCpu(watch: CpuWatch): CpuTimes {
  const processes = readProcesses();
  return Object.fromEntries(
    Object.entries(watch).map(([name, root]) => [
      name,
      [...processes.keys()]
        .filter((pid) => isBelow(processes, pid, root))
        .reduce((sum, pid) => sum + ranFor(pid) / NANOS, 0),
    ]),
  );
}

function ranFor(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]);
  } catch {
    return 0; // ended meanwhile
  }
}

export const cpuBetween = (before: CpuTimes, after: CpuTimes): CpuTimes =>
  Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]));

/** Of all cores, in ticks: the time since the start, and what of it a hypervisor gave to other machines. */
export interface CoreTimes {
  readonly all: number;
  readonly stolen: number;
}

/** Undefined where there is no /proc. */
export function readCores(): CoreTimes | undefined {
  if (!existsSync('/proc/stat')) return undefined;
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of these.
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  return { all: ticks.reduce((sum, n) => sum + n, 0), stolen: ticks[7] ?? 0 };
}

/** The share of the cores that a hypervisor took, 0 to 1. */
export const stolenBetween = (before: CoreTimes | undefined, after: CoreTimes | undefined): number | undefined =>
  before && after && (after.stolen - before.stolen) / (after.all - before.all);

function readProcesses(): ReadonlyMap<number, ProcessTimes> {
  const processes = new Map<number, ProcessTimes>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const times = readProcess(pid);
    if (times !== undefined) processes.set(pid, times);
  }
  return processes;
}

function readProcess(pid: number): ProcessTimes | undefined {
  try {
    // Fields after the name, which may itself contain spaces and brackets: state, ppid, ...
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number);
    const [parent = 0] = fields.slice(1, 2);
    const ticks = fields.slice(11, 15).reduce((sum, n) => sum + n, 0);
    return { parent, ticks };
  } catch {
    return undefined; // ended meanwhile
  }
}

function treeTicks(processes: ReadonlyMap<number, ProcessTimes>, root: number): number {
  let ticks = 0;
  for (const [pid, times] of processes) if (isBelow(processes, pid, root)) ticks += times.ticks;
  return ticks;
}

function isBelow(processes: ReadonlyMap<number, ProcessTimes>, pid: number, root: number): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = processes.get(at)?.parent)
    if (at === root) return true;
  return false;
}

export const parentOf = (pid: number): number | undefined => readProcess(pid)?.parent;

/** Open descriptors of a process. */
export const countDescriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Resident memory in bytes, now and at its highest since `resetPeak`. */
export function readMemory(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 };
}

/** The kernel's own high-water mark misses nothing between two looks. */
export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');
