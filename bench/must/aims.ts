import * as v from 'valibot';
import { costRatio, type GrowthPoint } from '../growth/cost.ts';
import { MAX_SPREAD, readResult, type ThroughputResult } from '../report/results.ts';
import { ratioApart, ratioFaults, ratios } from '../report/throughput.ts';

/** The programs that measure what has a target, how they are called, and what of `bench/results/` they write. */
export const measurements = {
  throughput: { script: 'bench', program: './throughput.js', args: ['--all'], writes: 'throughput' },
  mls: { script: 'bench', program: './throughput.js', args: ['--mls'], writes: 'throughput-mls' },
  sdk: { script: 'bench:sdk', program: './sdk.js', args: [], writes: 'sdk' },
  chat: { script: 'bench:k6', program: './k6.js', args: ['chat'], writes: 'k6-chat-300' },
  resume: { script: 'bench:resume', program: './resume.js', args: [], writes: 'resume' },
  bus: { script: 'bench:bus', program: './bus.js', args: [], writes: 'bus' },
  stored: { script: 'bench:growth', program: './growth.js', args: ['stored'], writes: 'growth-stored' },
} as const;
export type Measurement = keyof typeof measurements;

interface Figure {
  readonly text: string;
  /** Each with its limits, in the same direction. */
  readonly values: readonly { readonly value: number; readonly must: number; readonly hope: number }[];
  /** What was wrong, so that it counts neither as reached nor as missed. */
  readonly faults: readonly string[];
  /** Rounds that disagree, so that it doesn't count either: the machine was not quiet. */
  readonly apart?: readonly string[];
}

export interface Aim {
  readonly what: string;
  readonly must: string;
  readonly hope: string;
  readonly by: Measurement;
  readonly better: 'more' | 'less';
  read(result: unknown): Figure;
}

export interface Outcome {
  readonly figure: string;
  readonly verdict: 'hope reached' | 'must reached' | 'missed' | 'no result';
  readonly objections: readonly string[];
  /** Nothing was wrong but that the rounds disagree. */
  readonly unquiet: boolean;
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

const against = (name: string, what: string, must: number, hope: number, by: Measurement = 'throughput'): Aim => ({
  what,
  must: String(must),
  hope: String(hope),
  by,
  better: 'more',
  read(raw) {
    // Written by this program, and read as such by the report, too.
    const result = raw as ThroughputResult;
    const ratio = ratios(result).find((each) => each.against.startsWith(name));
    if (ratio === undefined) throw new Error(`${name} was not measured`);
    return {
      text: `${ratio.ratio.toFixed(2)} ± ${Math.round(ratio.spread * 50)} %`,
      values: [{ value: ratio.ratio, must, hope }],
      faults: ratioFaults(result, ratio),
      apart: ratioApart(ratio),
    };
  },
});

/** The targets, in the order of the design. */
export const aims: readonly Aim[] = [
  against('bare relay', 'durable sends a second, 200 connections, 8 in flight each: against the bare relay', 0.25, 0.5),
  against('naive', 'the same against the naive server', 4, 8),
  against('bare relay', 'the same with encrypted messages in groups: against the bare relay', 0.25, 0.5, 'mls'),
  {
    what: 'messages a second that the SDK encrypts and decrypts, kept in a file store',
    must: '500',
    hope: '1,000',
    by: 'sdk',
    better: 'more',
    read(raw) {
      const rows = v.parse(sdk, raw).rows.filter(({ what }) => what.endsWith('kept in a file store'));
      if (rows.length < 2) throw new Error('not both were measured');
      return {
        text: rows.map(({ perSecond }) => Math.round(perSecond).toLocaleString('en-GB')).join(', '),
        values: rows.map(({ perSecond }) => ({ value: perSecond, must: 500, hope: 1_000 })),
        faults: [],
      };
    },
  },
  {
    what: '300 users, one message a second each: send to receive, p95 and p99 in ms',
    must: '15, 40',
    hope: '15, 15',
    by: 'chat',
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
        faults: passed || p95 > 15 || p99 > 40 ? [] : ['another threshold was crossed'],
      };
    },
  },
  {
    what: 'memory for each idle authenticated connection, in bytes',
    must: '6,144',
    hope: '2,048',
    by: 'resume',
    better: 'less',
    read(raw) {
      const { bytesPerConnection } = v.parse(resume, raw);
      return {
        text: bytesPerConnection.toLocaleString('en-GB'),
        values: [{ value: bytesPerConnection, must: 6 * 1024, hope: 2 * 1024 }],
        faults: [],
      };
    },
  },
  {
    what: '15,000 sockets of a killed instance: all resumed on another, in s',
    must: '15, nothing lost',
    hope: '5',
    by: 'resume',
    better: 'less',
    read(raw) {
      const { completeMs, syncedMs, problems } = v.parse(resume, raw);
      const ms = Math.max(completeMs, syncedMs.all);
      const lost = problems.length > 0 ? Number.POSITIVE_INFINITY : ms;
      return {
        text: `${(ms / 1000).toFixed(1)}${problems.length > 0 ? `; ${problems[0]}` : ''}`,
        values: [{ value: lost, must: 15_000, hope: 5_000 }],
        faults: [],
      };
    },
  },
  {
    what: 'crossing instances through Redis: added p95 in ms',
    must: '5',
    hope: '1',
    by: 'bus',
    better: 'less',
    read(raw) {
      const { added, problems } = v.parse(bus, raw);
      const value = Math.max(added.toAlone, added.toSame);
      return {
        text: `${added.toAlone.toFixed(1)} to one alone, ${added.toSame.toFixed(1)} to the same instance`,
        values: [{ value, must: 5, hope: 1 }],
        faults: problems,
      };
    },
  },
  {
    what: 'cost of a send with 10 million messages stored, against an empty store',
    must: '1.3',
    hope: '1.1',
    by: 'stored',
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
        faults: [...runs, ...beside].flatMap((run) => run.problems),
        apart: ratio.spread > MAX_SPREAD ? ['the rounds lie more than 15 % apart'] : [],
      };
    },
  },
];

/** What the result at hand says about it. */
export function judge(aim: Aim): Outcome {
  const raw = readResult(measurements[aim.by].writes);
  const nothing = { figure: '', verdict: 'no result', unquiet: false, at: '', commit: '' } as const;
  if (raw === undefined) return { ...nothing, objections: ['not measured'] };
  const { at, commit } = v.parse(made, raw).environment;
  try {
    const { text, values, faults, apart = [] } = aim.read(raw);
    const within = (limit: 'must' | 'hope') =>
      values.every((each) => (aim.better === 'more' ? each.value >= each[limit] : each.value <= each[limit]));
    const reached = within('hope') ? 'hope reached' : within('must') ? 'must reached' : 'missed';
    const objections = [...faults, ...apart];
    const verdict = objections.length > 0 ? 'no result' : reached;
    return { figure: text, verdict, objections, unquiet: faults.length === 0 && apart.length > 0, at, commit };
  } catch (error) {
    return { ...nothing, at, commit, objections: [error instanceof Error ? error.message : String(error)] };
  }
}

/**
 * Of several tries the first one counts whose rounds agree, however good or bad it is, and the figures of those before
 * it are kept; but a fault in any of them is the result.
 */
export function resultOf(tries: readonly Outcome[]): Outcome & { readonly before: readonly string[] } {
  const faulty = tries.find(({ verdict, unquiet }) => verdict === 'no result' && !unquiet);
  const counted = faulty ?? tries.find(({ unquiet }) => !unquiet) ?? tries.at(-1);
  if (counted === undefined) throw new Error('nothing was tried');
  return { ...counted, before: tries.slice(0, tries.indexOf(counted)).map(({ figure }) => figure) };
}
