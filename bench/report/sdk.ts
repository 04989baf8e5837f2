import { type Cell, fixed, thousands } from './table.ts';

export interface SdkRow {
  readonly what: string;
  readonly perSecond: number;
  /** CPU seconds of the SDK's process, all its threads, for 1,000 messages. */
  readonly cpuPer1000: number;
}

export const sdkHead = ['', 'msg/s', 'CPU s/1,000'] as const;

export const sdkRow = ({ what, perSecond, cpuPer1000 }: SdkRow): Cell[] => [
  what,
  thousands(perSecond),
  fixed(cpuPer1000, 2),
];
