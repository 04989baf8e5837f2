import { MAX_SPREAD, median, spread, type TargetResult, type ThroughputResult } from './results.ts';
import { type Cell, fixed, percent, textTable, thousands } from './table.ts';

/** A driver busier than this may be what is measured. */
const MAX_DRIVER_CORE = 0.6;

export const TARGETS: readonly { readonly against: string; readonly must: number; readonly hope: number }[] = [
  { against: 'bare relay', must: 0.25, hope: 0.5 },
  { against: 'naive', must: 4, hope: 8 },
];

export const rateHead = [
  'target',
  'msg/s',
  'spread',
  'reply p50',
  'p95',
  'p99',
  'event p50',
  'p95',
  'p99',
  'CPU s/1,000: server',
  'PostgreSQL',
  'driver',
  'busiest driver',
] as const;

export function rateRow(target: TargetResult): Cell[] {
  const of = (value: (run: TargetResult['runs'][number]) => number) => median(target.runs.map(value));
  const rates = target.runs.map((run) => run.perSecond);
  return [
    target.name,
    thousands(median(rates)),
    percent(spread(rates)),
    ...[of((r) => r.reply.p50), of((r) => r.reply.p95), of((r) => r.reply.p99)].map((ms) => fixed(ms, 1)),
    ...[of((r) => r.event.p50), of((r) => r.event.p95), of((r) => r.event.p99)].map((ms) => fixed(ms, 1)),
    ...['server', 'postgres', 'driver'].map((name) =>
      fixed(
        of((r) => r.cpuPer1000[name] ?? 0),
        4,
      ),
    ),
    percent(of((r) => r.busiestDriverCore)),
  ];
}

export interface Ratio {
  readonly against: string;
  /** The median of the rounds' ratios. */
  readonly ratio: number;
  readonly spread: number;
  readonly must: number;
  readonly hope: number;
}

/** The server's rate against the baselines', round by round, since both drift together. */
export function ratios(result: ThroughputResult): Ratio[] {
  const server = result.targets.find(({ name }) => name === 'server');
  if (server === undefined) return [];
  return result.targets
    .filter((target) => target !== server)
    .map((target) => {
      const values = target.runs.flatMap((run, round) => {
        const own = server.runs[round];
        return own === undefined || run.perSecond === 0 ? [] : [own.perSecond / run.perSecond];
      });
      const aim = TARGETS.find(({ against }) => target.name.startsWith(against)) ?? { must: 0, hope: 0 };
      return { against: target.name, ratio: median(values), spread: spread(values), must: aim.must, hope: aim.hope };
    });
}

export const ratioHead = ['server against', 'ratio', 'spread', 'must', 'hope', ''] as const;

export function ratioRow(result: ThroughputResult, of: Ratio): Cell[] {
  const { against, ratio, spread: apart, must, hope } = of;
  const objected = ratioFaults(result, of).length + ratioApart(of).length > 0;
  const verdict = must === 0 ? '' : ratio >= hope ? 'hope reached' : ratio >= must ? 'must reached' : 'missed';
  return [
    against,
    fixed(ratio, 2),
    percent(apart),
    must || '',
    hope || '',
    objected ? `no result${verdict && ` (${verdict})`}` : verdict,
  ];
}

/** What was wrong with the runs of one ratio, so that it counts neither as reached nor as missed. */
export function ratioFaults(result: ThroughputResult, { against }: Ratio): string[] {
  return result.targets.filter(({ name }) => name === 'server' || name === against).flatMap(faults);
}

/** Nor does it count if its rounds disagree: the machine was not quiet. */
export function ratioApart({ against, spread: apart }: Ratio): string[] {
  return apart > MAX_SPREAD ? [`${against}: the rounds' ratios lie more than 15 % apart`] : [];
}

/** What else is to be known about a run: ratios can stand where rates drift. */
export function objections(result: ThroughputResult): string[] {
  return [
    ...result.targets.flatMap((target) => [
      ...faults(target),
      ...(spread(target.runs.map((run) => run.perSecond)) > MAX_SPREAD
        ? [`${target.name}: rates more than 15 % apart; the machine is not quiet`]
        : []),
    ]),
    ...ratios(result)
      .filter((ratio) => ratio.spread > MAX_SPREAD)
      .map((ratio) => `no result against ${ratio.against}: the rounds' ratios lie more than 15 % apart`),
  ];
}

function faults({ name, runs }: TargetResult): string[] {
  return [
    ...new Set(runs.flatMap((run) => run.problems.map((problem) => `no result: ${name}: ${problem}`))),
    ...(runs.some((run) => run.busiestDriverCore > MAX_DRIVER_CORE)
      ? [`no result: ${name}: a driver process used more than 60 % of a core`]
      : []),
  ];
}

/** What was sent. */
export const messagesOf = ({ plan }: ThroughputResult): string =>
  plan.sealed ? 'messages sealed by the SDK' : `${plan.messageBytes}-byte ciphertexts`;

export function throughputText(result: ThroughputResult): string {
  const { environment: env, plan, postgres } = result;
  return [
    `${plan.connections} connections, ${plan.depth} in flight each, ${messagesOf(result)}, ` +
      `${plan.measureMs / 1000} s measured after ${plan.warmUpMs / 1000} s, ${plan.driverProcesses} driver processes`,
    `${env.cpu}, ${env.cores} cores, Node ${env.node}, load ${env.load} before, idle cores ${env.awake ? 'kept awake' : 'free to sleep'}, commit ${env.commit}`,
    `PostgreSQL ${postgres.server_version}: fsync ${postgres.fsync}, synchronous_commit ${postgres.synchronous_commit}, ` +
      `full_page_writes ${postgres.full_page_writes}, ${postgres.wal_sync_method}`,
    '',
    textTable(rateHead, result.targets.map(rateRow)),
    'latencies in ms; medians of the rounds',
    '',
    textTable(
      ratioHead,
      ratios(result).map((ratio) => ratioRow(result, ratio)),
    ),
    ...objections(result).map((text) => `! ${text}`),
  ].join('\n');
}
