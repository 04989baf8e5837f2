import type { BusOutcome, Way } from '../measure/bus.ts';
import { type Cell, fixed, thousands } from './table.ts';

const NAMES: Readonly<Record<Way, string>> = {
  alone: 'one instance alone, no Redis',
  same: 'the same of two instances',
  across: 'from one to the other',
};

export const busTableHead = [
  'way of a message',
  'messages',
  'p50 ms',
  'p95',
  'p99',
  'max',
  'p95 of each round',
] as const;

type Figures = Pick<BusOutcome, 'p95ByRound' | 'added' | 'cpuPer1000'> & {
  readonly latency: Readonly<Record<Way, Record<'count' | 'p50' | 'p95' | 'p99' | 'max', number>>>;
};

export function busRow(way: Way, { latency, p95ByRound }: Pick<Figures, 'latency' | 'p95ByRound'>): Cell[] {
  const { count, p50, p95, p99, max } = latency[way];
  const rounds = p95ByRound[way].map((ms) => fixed(ms, 1)).join(', ');
  return [NAMES[way], thousands(count), ...[p50, p95, p99, max].map((ms) => fixed(ms, 2)), rounds];
}

export function busVerdict({ added, cpuPer1000 }: Pick<Figures, 'added' | 'cpuPer1000'>): string {
  const times = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of)
      .map(([name, seconds]) => `${name} ${fixed(seconds, 2)}`)
      .join(', ');
  return (
    `across instances adds ${fixed(added.toAlone, 2)} ms at p95 to one instance alone, ${fixed(added.toSame, 2)} ms to the same of two. ` +
    `CPU s for 1,000 messages: alone ${times(cpuPer1000.alone)}; two ${times(cpuPer1000.two)}.`
  );
}
