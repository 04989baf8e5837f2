import type { DriveResult } from '../driver/drive.ts';
import { costOf, costRatio, type GrowthPart, type GrowthPoint } from '../growth/cost.ts';
import { median, spread } from './results.ts';
import type { BarChart } from './svg.ts';
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
    ...(part === 'connections' ? ['server MB'] : []),
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
        ...(part === 'connections' ? [own ? fixed((point.facts.rss ?? 0) / 2 ** 20, 0) : ''] : []),
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

export const GROWTH_TITLES: Readonly<Record<GrowthPart, string>> = {
  stored: 'with what is stored',
  instances: 'with instances',
  connections: 'with connections',
  sizes: 'with the size of messages',
};

/** What was done, for the reader of the table. */
export function growthText(part: GrowthPart, plan: Readonly<Record<string, unknown>>): string {
  const of = (name: string): string => Number(plan[name] ?? 0).toLocaleString('en-GB');
  const rounds = `${of('rounds')} rounds of ${Number(plan.measureMs ?? 0) / 1000} s, in turn; medians.`;
  switch (part) {
    case 'stored':
      return (
        `256-byte ciphertexts in ${of('conversations')} conversations of two, as old as each other; ${of('talking')} of these talk, both members with ` +
        `${of('depth')} sends in flight. Beside it, in the same rounds: the same people on another server and database of the same PostgreSQL, with nothing ` +
        `stored. Filled with the indexes in place, then vacuumed, as autovacuum would have. ${rounds}`
      );
    case 'instances':
      return (
        `${of('connections')} connections with ${of('depth')} sends in flight on one database and one Redis; no two members of a conversation on the same ` +
        'instance. All of it shares two cores with the driver, so rates can only fall: what is measured is what a further instance costs each send. ' +
        rounds
      );
    case 'connections':
      return (
        `${of('sending')} connections with ${of('depth')} sends in flight; all others only stay. Beside it, in the same rounds: a server without the others. ` +
        rounds
      );
    case 'sizes':
      return `${of('connections')} connections with ${of('depth')} sends in flight. ${rounds}`;
  }
}

export function growthChart(part: GrowthPart, points: readonly GrowthPoint[]): BarChart {
  const values = (runs: readonly DriveResult[]): number[] => {
    const cpu = shares(runs);
    return SHARES.map((share) => cpu[share]);
  };
  return {
    title: `What 1,000 sends cost ${GROWTH_TITLES[part]}`,
    y: 'CPU ms for 1,000 sends',
    x: part === 'sizes' ? 'size of the ciphertext' : FIRST[part],
    layers: SHARES.filter((share) => share !== 'Redis' || part === 'instances'),
    groups: points.map(({ label, runs, beside }) => ({
      label,
      bars: [
        ...(beside === undefined
          ? []
          : [{ label: part === 'stored' ? 'empty' : 'alone', values: values(beside), pale: true }]),
        {
          label: beside === undefined ? '' : part === 'stored' ? 'filled' : 'with them',
          values: values(runs),
          pale: false,
        },
      ],
    })),
  };
}
