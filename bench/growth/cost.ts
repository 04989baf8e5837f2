import { randomUUID } from 'node:crypto';
import type { Seat } from '../driver/connection.ts';
import { type DriveResult, drive } from '../driver/drive.ts';
import type { CpuWatch } from '../measure/cpu.ts';
import { median, spread } from '../report/results.ts';

/** What one thing grows to, and what a send costs there. */
export interface GrowthPoint {
  readonly label: string;
  readonly runs: readonly DriveResult[];
  /** The same load in turn with it where that thing had not grown; ratios are taken round by round. */
  readonly beside?: readonly DriveResult[];
  readonly facts: Readonly<Record<string, number>>;
}

export type GrowthPart = 'stored' | 'instances' | 'connections' | 'sizes';

export interface LoadOf {
  readonly ports: readonly number[];
  readonly seats: readonly Seat[];
  readonly watch: CpuWatch;
  readonly depth: number;
  readonly messageBytes: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly probe?: () => Promise<Readonly<Record<string, number>>>;
}

const DRIVERS = 2;

/** One closed loop on running instances. */
export const load = (of: LoadOf): Promise<DriveResult> =>
  drive({
    ...of,
    host: '127.0.0.1',
    dialect: 'sotto',
    ordered: true,
    ackEvery: 32,
    ackMs: 20,
    run: randomUUID().slice(0, 8),
    processes: DRIVERS,
  });

/** CPU seconds of everything but the driver, per 1,000 sends. */
export function costOf({ cpuPer1000 }: DriveResult): number {
  return Object.entries(cpuPer1000).reduce((sum, [name, seconds]) => sum + (name === 'driver' ? 0 : seconds), 0);
}

export interface CostRatio {
  readonly ratio: number;
  readonly spread: number;
}

/** The cost against the one beside it. */
export function costRatio({ runs, beside }: GrowthPoint): CostRatio | undefined {
  if (beside === undefined) return undefined;
  const values = runs.flatMap((run, i) => {
    const other = beside[i];
    return other === undefined ? [] : [costOf(run) / costOf(other)];
  });
  return { ratio: median(values), spread: spread(values) };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
