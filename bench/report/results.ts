import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { DriveResult } from '../driver/drive.ts';
import type { Environment } from './environment.ts';

/** In the sources, also when the built JavaScript runs. */
const folder = new URL('../../../bench/results/', import.meta.url);

export interface ThroughputResult {
  readonly kind: 'throughput';
  readonly environment: Environment;
  readonly postgres: Readonly<Record<string, string>>;
  readonly plan: {
    readonly connections: number;
    readonly depth: number;
    readonly messageBytes: number;
    readonly warmUpMs: number;
    readonly measureMs: number;
    readonly driverProcesses: number;
    readonly ackEvery: number;
    readonly ackMs: number;
    /** Messages as the SDK seals them; `messageBytes` says nothing then. */
    readonly sealed?: boolean;
  };
  readonly targets: readonly TargetResult[];
}

export interface TargetResult {
  readonly name: string;
  /** In the order in which they were run, one in each round. */
  readonly runs: readonly DriveResult[];
}

/** Writes a result under its name; the one before it is in the history of the repository. */
export function writeResult(name: string, result: object): string {
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${name}.json`, folder);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return `bench/results/${name}.json`;
}

export function readResult(name: string): unknown {
  try {
    return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  } catch {
    return undefined;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Rounds of one run that lie further apart are no result. */
export const MAX_SPREAD = 0.15;
const ENOUGH_TO_TRIM = 5;

/** How far apart the values lie, as a share of the median; of five or more the highest and the lowest are left out. */
export function spread(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const kept = sorted.length >= ENOUGH_TO_TRIM ? sorted.slice(1, -1) : sorted;
  return ((kept.at(-1) ?? 0) - (kept[0] ?? 0)) / Math.max(median(values), Number.EPSILON);
}
