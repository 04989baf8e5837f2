import { randomUUID } from 'node:crypto';
import { generateSigningKey } from '../../server/accounts/signing-keys.ts';
import { Talker } from '../bus/talker.ts';
import { Histogram, type Summary } from '../driver/histogram.ts';
import { provision } from '../provision.ts';
import { median } from '../report/results.ts';
import type { BenchDatabase } from '../services/postgres.ts';
import { startServerProcess } from '../services/server-process.ts';
import { Stack } from '../services/stack.ts';
import { seatsOf } from '../targets/server.ts';
import { type CpuTimes, type CpuWatch, cpuBetween, readCpu } from './cpu.ts';

export interface BusPlan {
  /** Of the two instances, and of the one that is alone. */
  readonly databases: readonly [BenchDatabase, BenchDatabase];
  readonly redisUrl: string;
  readonly postgresPid: number | undefined;
  readonly redisPid: number | undefined;
  /** With each installation; one message a second each. */
  readonly users: number;
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
  /** For the first of the two instances. */
  readonly nodeFlags?: readonly string[];
}

/** One instance without Redis; the same instance of two; from one of two to the other. */
export type Way = 'alone' | 'same' | 'across';

export interface BusOutcome {
  readonly users: number;
  readonly rounds: number;
  readonly roundMs: number;
  /** From when a message was due until the other member held it, in milliseconds. */
  readonly latency: Readonly<Record<Way, Summary>>;
  readonly p95ByRound: Readonly<Record<Way, readonly number[]>>;
  /** How much later messages across instances come at p95: the median of the rounds' differences, since all drift together. */
  readonly added: { readonly toAlone: number; readonly toSame: number };
  readonly cpuPer1000: { readonly alone: CpuTimes; readonly two: CpuTimes };
  readonly problems: readonly string[];
}

/** Fewer than the strangers that one address may be. */
const OPENING_AT_ONCE = 40;
const ACK_MS = 20;
const SETTLE_MS = 10_000;
const PROBLEMS_KEPT = 5;

interface Pair {
  readonly way: Way;
  readonly talkers: readonly [Talker, Talker];
}

/**
 * Times messages within one instance alone, within one of two instances and across both: the last two in the same rounds,
 * the first in rounds between them, so that all meet the same machine.
 */
export async function measureBus(plan: BusPlan): Promise<BusOutcome> {
  const { databases, redisUrl, users, rounds, roundMs } = plan;
  await using stack = new Stack();
  const { secret: secretKey } = await generateSigningKey();
  const start = (of: 0 | 1, redis: string, nodeFlags: readonly string[] = []) =>
    startServerProcess({ databaseUrl: databases[of].url, secretKey, redisUrl: redis, nodeFlags });
  const first = stack.use(await start(0, redisUrl, plan.nodeFlags));
  const second = stack.use(await start(0, redisUrl));
  const alone = stack.use(await start(1, ''));
  const problems: string[] = [];
  const problem = (text: string): void => void (problems.length < PROBLEMS_KEPT && problems.push(text));
  const seats = await Promise.all(databases.map(async ({ sql }) => seatsOf(await provision(sql, users), secretKey)));
  const of = await Promise.all(
    seats.map((list, i) =>
      openPairs(list, problem, (n) => {
        if (i === 1) return { way: 'alone', ports: [alone.port, alone.port] };
        const [one, other] = n % 4 < 2 ? [first.port, second.port] : [second.port, first.port];
        return n % 2 === 0 ? { way: 'same', ports: [one, one] } : { way: 'across', ports: [one, other] };
      }),
    ),
  );
  const [two = [], single = []] = of;
  const everybody = [...two, ...single].flatMap(({ talkers }) => talkers);
  const acknowledging = setInterval(() => {
    for (const talker of everybody) talker.acknowledge();
  }, ACK_MS);

  const postgres = plan.postgresPid === undefined ? {} : { postgres: plan.postgresPid };
  const redis = plan.redisPid === undefined ? {} : { redis: plan.redisPid };
  const watches: Record<'alone' | 'two', CpuWatch> = {
    alone: { server: alone.pid, ...postgres },
    two: { first: first.pid, second: second.pid, ...redis, ...postgres },
  };
  const cpu: Record<'alone' | 'two', CpuTimes[]> = { alone: [], two: [] };
  const perRound: Record<Way, Histogram[]> = { alone: [], same: [], across: [] };
  try {
    for (const pairs of of) await talk(pairs, plan.warmUpMs, problem);
    for (let round = 0; round < rounds && problems.length === 0; round++) {
      // In changing order: what one round leaves behind burdens the next.
      for (const name of round % 2 === 0 ? (['alone', 'two'] as const) : (['two', 'alone'] as const)) {
        const pairs = name === 'alone' ? single : two;
        for (const way of name === 'alone' ? (['alone'] as const) : (['same', 'across'] as const))
          perRound[way].push(listenInto(pairs, way));
        const before = readCpu(watches[name]);
        await talk(pairs, roundMs, problem);
        cpu[name].push(cpuBetween(before, readCpu(watches[name])));
      }
    }
  } finally {
    clearInterval(acknowledging);
    for (const talker of everybody) talker.close();
  }

  const latency = byWay((way) => {
    const all = new Histogram();
    for (const histogram of perRound[way]) all.add(histogram.counts);
    return all.summary();
  });
  const p95ByRound = byWay((way) => perRound[way].map((histogram) => histogram.summary().p95));
  const addedTo = (way: Way): number =>
    round3(median(p95ByRound.across.map((across, round) => across - (p95ByRound[way][round] ?? 0))));
  const messages = { alone: latency.alone.count, two: latency.same.count + latency.across.count };
  return {
    users,
    rounds,
    roundMs,
    latency,
    p95ByRound,
    added: { toAlone: addedTo('alone'), toSame: addedTo('same') },
    cpuPer1000: { alone: per1000(cpu.alone, messages.alone), two: per1000(cpu.two, messages.two) },
    problems,
  };
}

async function openPairs(
  seats: Awaited<ReturnType<typeof seatsOf>>,
  problem: (text: string) => void,
  place: (pair: number) => { readonly way: Way; readonly ports: readonly [number, number] },
): Promise<Pair[]> {
  const run = randomUUID().slice(0, 4);
  const talkers: Talker[] = [];
  const scrap = new Histogram();
  for (let at = 0; at < seats.length; at += OPENING_AT_ONCE) {
    const some = seats.slice(at, at + OPENING_AT_ONCE).map((seat, i) => {
      const port = place((at + i) >> 1).ports[(at + i) % 2 === 0 ? 0 : 1];
      const mark = run + (at + i).toString(16).padStart(4, '0');
      return new Talker({ seat, port, mark, latency: scrap, problem });
    });
    await Promise.all(some.map(({ ready }) => ready));
    talkers.push(...some);
  }
  return talkers.flatMap((one, i) => {
    const other = talkers[i + 1];
    if (i % 2 === 1 || other === undefined) return [];
    one.pair(other);
    other.pair(one);
    return [{ way: place(i >> 1).way, talkers: [one, other] }];
  });
}

function listenInto(pairs: readonly Pair[], way: Way): Histogram {
  const histogram = new Histogram();
  for (const pair of pairs) if (pair.way === way) for (const talker of pair.talkers) talker.latency = histogram;
  return histogram;
}

/** Each sends once in every second, at a moment of its own; then all is waited for. */
async function talk(pairs: readonly Pair[], ms: number, problem: (text: string) => void): Promise<void> {
  const talkers = pairs.flatMap((pair) => pair.talkers);
  const began = performance.now();
  const plan = talkers
    .flatMap((talker) =>
      Array.from({ length: Math.round(ms / 1000) }, (_, second) => ({
        talker,
        due: began + (second + Math.random()) * 1000,
      })),
    )
    .sort((a, b) => a.due - b.due);
  for (const { talker, due } of plan) {
    const early = due - performance.now();
    if (early > 0) await pause(early);
    talker.send(due);
  }
  const deadline = performance.now() + SETTLE_MS;
  while (!talkers.every((talker) => talker.settled)) {
    if (performance.now() > deadline) return problem('messages did not arrive');
    await pause(20);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const round3 = (value: number): number => Math.round(value * 1000) / 1000;
const byWay = <T>(of: (way: Way) => T): Record<Way, T> => ({
  alone: of('alone'),
  same: of('same'),
  across: of('across'),
});

function per1000(rounds: readonly CpuTimes[], messages: number): CpuTimes {
  const names = Object.keys(rounds[0] ?? {});
  const total = (name: string): number => rounds.reduce((sum, times) => sum + (times[name] ?? 0), 0);
  return Object.fromEntries(names.map((name) => [name, round3((total(name) * 1000) / Math.max(1, messages))]));
}
