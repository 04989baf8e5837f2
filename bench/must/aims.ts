import * as v from 'valibot';
import { costRatio, type GrowthPoint } from '../growth/cost.ts';
import { MAX_SPREAD, readResult, type ThroughputResult } from '../report/results.ts';
import { ratioObjections, ratios } from '../report/throughput.ts';

/** The programs that measure what has a target, and how they are called. */
export const measurements = {
  throughput: { script: 'bench', program: './throughput.js', args: ['--all'] },
  mls: { script: 'bench', program: './throughput.js', args: ['--mls'] },
  sdk: { script: 'bench:sdk', program: './sdk.js', args: [] },
  chat: { script: 'bench:k6', program: './k6.js', args: ['chat'] },
  resume: { script: 'bench:resume', program: './resume.js', args: [] },
  bus: { script: 'bench:bus', program: './bus.js', args: [] },
  stored: { script: 'bench:growth', program: './growth.js', args: ['stored'] },
} as const;
export type Measurement = keyof typeof measurements;

interface Figure {
  readonly text: string;
  /** Each with its limits, in the same direction. */
  readonly values: readonly { readonly value: number; readonly must: number; readonly hope: number }[];
  /** Why it counts neither as reached nor as missed. */
  readonly objections: readonly string[];
}

export interface Aim {
  readonly what: string;
  readonly must: string;
  readonly hope: string;
  /** Below `bench/results/`. */
  readonly file: string;
  readonly better: 'more' | 'less';
  read(result: unknown): Figure;
}

export interface Outcome {
  readonly figure: string;
  readonly verdict: 'hope reached' | 'must reached' | 'missed' | 'no result';
  readonly objections: readonly string[];
  /** When it was measured. */
  readonly at: string;
  readonly commit: string;
}

const number = v.number();
const k6 = v.object({
  passed: v.boolean(),
  metrics: v.object({ delivery_ms: v.object({ 'p(95)': number, 'p(99)': number }) }),
});
const resume = v.object({
  bytesPerConnection: number,
  completeMs: number,
  syncedMs: v.object({ all: number }),
  problems: v.array(v.string()),
});
const bus = v.object({ added: v.object({ toAlone: number, toSame: number }), problems: v.array(v.string()) });
const made = v.object({ environment: v.object({ at: v.string(), commit: v.string() }) });

const sdk = v.object({ rows: v.array(v.object({ what: v.string(), perSecond: number })) });

const against = (name: string, what: string, must: number, hope: number, file = 'throughput'): Aim => ({
  what,
  must: String(must),
  hope: String(hope),
  file,
  better: 'more',
  read(raw) {
    // Written by this program, and read as such by the report, too.
    const result = raw as ThroughputResult;
    const ratio = ratios(result).find((each) => each.against.startsWith(name));
    if (ratio === undefined) throw new Error(`${name} was not measured`);
    return {
      text: `${ratio.ratio.toFixed(2)} ± ${Math.round(ratio.spread * 50)} %`,
      values: [{ value: ratio.ratio, must, hope }],
      objections: ratioObjections(result, ratio),
    };
  },
});

/** The targets, in the order of the design. */
export const aims: readonly Aim[] = [
  against('bare relay', 'durable sends a second, 200 connections, 8 in flight each: against the bare relay', 0.25, 0.5),
  against('naive', 'the same against the naive server', 4, 8),
  against(
    'bare relay',
    'the same with encrypted messages in groups: against the bare relay',
    0.25,
    0.5,
    'throughput-mls',
  ),
  {
    what: 'messages a second that the SDK encrypts and decrypts, kept in a file store',
    must: '500',
    hope: '1,000',
    file: 'sdk',
    better: 'more',
    read(raw) {
      const rows = v.parse(sdk, raw).rows.filter(({ what }) => what.endsWith('kept in a file store'));
      if (rows.length < 2) throw new Error('not both were measured');
      return {
        text: rows.map(({ perSecond }) => Math.round(perSecond).toLocaleString('en-GB')).join(', '),
        values: rows.map(({ perSecond }) => ({ value: perSecond, must: 500, hope: 1_000 })),
        objections: [],
      };
    },
  },
  {
    what: '300 users, one message a second each: send to receive, p95 and p99 in ms',
    must: '15, 40',
    hope: '15, 15',
    file: 'k6-chat-300',
    better: 'less',
    read(raw) {
      const { metrics, passed } = v.parse(k6, raw);
      const { 'p(95)': p95, 'p(99)': p99 } = metrics.delivery_ms;
      return {
        text: `${p95.toFixed(1)}, ${p99.toFixed(1)}`,
        values: [
          { value: p95, must: 15, hope: 15 },
          { value: p99, must: 40, hope: 15 },
        ],
        objections: passed || p95 > 15 || p99 > 40 ? [] : ['another threshold was crossed'],
      };
    },
  },
  {
    what: 'memory for each idle authenticated connection, in bytes',
    must: '6,144',
    hope: '2,048',
    file: 'resume',
    better: 'less',
    read(raw) {
      const { bytesPerConnection } = v.parse(resume, raw);
      return {
        text: bytesPerConnection.toLocaleString('en-GB'),
        values: [{ value: bytesPerConnection, must: 6 * 1024, hope: 2 * 1024 }],
        objections: [],
      };
    },
  },
  {
    what: '15,000 sockets of a killed instance: all resumed on another, in s',
    must: '15, nothing lost',
    hope: '5',
    file: 'resume',
    better: 'less',
    read(raw) {
      const { completeMs, syncedMs, problems } = v.parse(resume, raw);
      const ms = Math.max(completeMs, syncedMs.all);
      const lost = problems.length > 0 ? Number.POSITIVE_INFINITY : ms;
      return {
        text: `${(ms / 1000).toFixed(1)}${problems.length > 0 ? `; ${problems[0]}` : ''}`,
        values: [{ value: lost, must: 15_000, hope: 5_000 }],
        objections: [],
      };
    },
  },
  {
    what: 'crossing instances through Redis: added p95 in ms',
    must: '5',
    hope: '1',
    file: 'bus',
    better: 'less',
    read(raw) {
      const { added, problems } = v.parse(bus, raw);
      const value = Math.max(added.toAlone, added.toSame);
      return {
        text: `${added.toAlone.toFixed(1)} to one alone, ${added.toSame.toFixed(1)} to the same instance`,
        values: [{ value, must: 5, hope: 1 }],
        objections: problems,
      };
    },
  },
  {
    what: 'cost of a send with 10 million messages stored, against an empty store',
    must: '1.3',
    hope: '1.1',
    file: 'growth-stored',
    better: 'less',
    read(raw) {
      // Written by this program, and read as such by the report, too.
      const { points } = raw as { readonly points: readonly GrowthPoint[] };
      const point = points.find(({ facts }) => (facts.stored ?? 0) >= 10_000_000);
      const ratio = point === undefined ? undefined : costRatio(point);
      if (point === undefined || ratio === undefined) throw new Error('10 million were not stored');
      const { runs, beside = [] } = point;
      return {
        text: `${ratio.ratio.toFixed(2)} ± ${Math.round(ratio.spread * 50)} %`,
        values: [{ value: ratio.ratio, must: 1.3, hope: 1.1 }],
        objections: [
          ...[...runs, ...beside].flatMap((run) => run.problems),
          ...(ratio.spread > MAX_SPREAD ? ['the rounds lie more than 15 % apart'] : []),
        ],
      };
    },
  },
];

/** What the result at hand says about it. */
export function judge(aim: Aim): Outcome {
  const raw = readResult(aim.file);
  const nothing = { figure: '', verdict: 'no result', at: '', commit: '' } as const;
  if (raw === undefined) return { ...nothing, objections: ['not measured'] };
  const { at, commit } = v.parse(made, raw).environment;
  try {
    const { text, values, objections } = aim.read(raw);
    const within = (limit: 'must' | 'hope') =>
      values.every((each) => (aim.better === 'more' ? each.value >= each[limit] : each.value <= each[limit]));
    const reached = within('hope') ? 'hope reached' : within('must') ? 'must reached' : 'missed';
    return { figure: text, verdict: objections.length > 0 ? 'no result' : reached, objections, at, commit };
  } catch (error) {
    return { ...nothing, at, commit, objections: [error instanceof Error ? error.message : String(error)] };
  }
}
