import type { DriveResult } from '../driver/drive.ts';
import { costOf, costRatio, type GrowthPart, type GrowthPoint } from '../growth/cost.ts';
import { median, spread } from './results.ts';
import { type Cell, fixed, percent, thousands } from './table.ts';

/** What is counted apart, in the order of the bars. */
export const SHARES = ['servers', 'PostgreSQL', 'Redis'] as const;
export type Share = (typeof SHARES)[number];

/** Medians of the rounds, in CPU milliseconds per 1,000 sends. */
export function shares(runs: readonly DriveResult[]): Record<Share, number> {
  const of = (matches: (name: string) => boolean) =>
    1000 *
    median(
      runs.map(({ cpuPer1000 }) =>
        Object.entries(cpuPer1000).reduce((sum, [name, seconds]) => sum + (matches(name) ? seconds : 0), 0),
      ),
    );
  return {
    servers: of((name) => name.startsWith('server')),
    PostgreSQL: of((name) => name === 'postgres'),
    Redis: of((name) => name === 'redis'),
  };
}

const FIRST: Readonly<Record<GrowthPart, string>> = {
  stored: 'messages stored',
  instances: 'instances',
  connections: 'connections',
  sizes: 'ciphertext',
};

export function growthTable(
  part: GrowthPart,
  points: readonly GrowthPoint[],
): { readonly head: string[]; readonly rows: Cell[][] } {
  const beside = points.some((point) => point.beside !== undefined);
  const counted = part === 'stored';
  const head = [
    FIRST[part],
    'msg/s',
    ...SHARES.filter((share) => share !== 'Redis' || part === 'instances').map((share) => `CPU ms/1,000: ${share}`),
    'spread',
    ...(beside ? ['cost against the other', 'spread'] : []),
    ...(counted ? ['WAL bytes a send', 'buffers a send', 'read', 'on disk GB'] : []),
    ...(part === 'connections' ? ['bytes for each idle', 'server MB'] : []),
    ...(part === 'sizes' ? ['MB/s'] : []),
  ];
  const rows = points.flatMap((point) => {
    const ratio = costRatio(point);
    const row = (label: string, runs: readonly DriveResult[], own: boolean): Cell[] => {
      const cpu = shares(runs);
      const perSend = (name: string) => median(runs.map((run) => run.countedPer1000[name] ?? 0)) / 1000;
      return [
        label,
        thousands(median(runs.map((run) => run.perSecond))),
        ...SHARES.filter((share) => share !== 'Redis' || part === 'instances').map((share) => fixed(cpu[share], 1)),
        percent(spread(runs.map(costOf))),
        ...(beside ? (own && ratio ? [fixed(ratio.ratio, 2), percent(ratio.spread)] : ['', '']) : []),
        ...(counted
          ? [
              thousands(perSend('walBytes')),
              fixed(perSend('buffersHit'), 1),
              fixed(perSend('buffersRead'), 2),
              own ? fixed((point.facts.databaseBytes ?? 0) / 1e9, 2) : '',
            ]
          : []),
        ...(part === 'connections'
          ? own
            ? [
                point.facts.idle ? thousands(point.facts.bytesPerIdle ?? 0) : '',
                fixed((point.facts.rss ?? 0) / 2 ** 20, 0),
              ]
            : ['', '']
          : []),
        ...(part === 'sizes'
          ? [fixed((median(runs.map((run) => run.perSecond)) * (point.facts.bytes ?? 0)) / 1e6, 1)]
          : []),
      ];
    };
    const other = part === 'stored' ? 'none, in turn' : '100, in turn';
    return [
      ...(point.beside === undefined ? [] : [row(other, point.beside, false)]),
      row(point.label, point.runs, true),
    ];
  });
  return { head, rows };
}
