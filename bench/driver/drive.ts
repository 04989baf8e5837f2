import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type CpuTimes, type CpuWatch, cpuBetween, readCpu } from '../measure/cpu.ts';
import { Histogram, type Summary } from './histogram.ts';
import type { LoadPlan, News, Order, Tally } from './messages.ts';

export interface DriveOptions extends Omit<LoadPlan, 'connectingAtOnce'> {
  /** Driver processes. */
  readonly processes: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Whose CPU time is counted beside the driver's own. */
  readonly watch: CpuWatch;
  /** Further counters, read at the beginning and at the end of what is measured. */
  readonly probe?: () => Promise<Readonly<Record<string, number>>>;
}

export interface DriveResult {
  readonly messages: number;
  readonly perSecond: number;
  /** From the send to its reply, and to the event at the other member, in milliseconds. */
  readonly reply: Summary;
  readonly event: Summary;
  /** CPU seconds per 1,000 messages, by what was watched. */
  readonly cpuPer1000: Readonly<Record<string, number>>;
  /** What the probe counted, per 1,000 messages. */
  readonly countedPer1000: Readonly<Record<string, number>>;
  /** The driver's CPU use in cores: all of its processes, and the busiest one. */
  readonly driverCores: number;
  readonly busiestDriverCore: number;
  readonly sent: number;
  readonly problems: readonly string[];
}

// A server may bound the strangers of one address; Sotto takes 50 that have not said hello.
const CONNECTING_AT_ONCE = 40;

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

/** Runs one closed loop against a target that is already up. */
export async function drive(options: DriveOptions): Promise<DriveResult> {
  const { processes, warmUpMs, measureMs, watch, seats, probe = async () => ({}), ...shared } = options;
  const share = 2 * Math.ceil(seats.length / 2 / processes);
  const workers = Array.from({ length: processes }, (_, i) => ({
    child: fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    plan: {
      ...shared,
      connectingAtOnce: Math.floor(CONNECTING_AT_ONCE / processes),
      seats: seats.slice(i * share, (i + 1) * share),
    },
    firstIndex: i * share,
  })).filter(({ plan, child }) => plan.seats.length > 0 || !child.kill());
  try {
    const answers = workers.map(({ child }) => listen(child));
    for (const { child, plan, firstIndex } of workers) give(child, { do: 'connect', plan, firstIndex });
    const connected = await Promise.all(answers.map((answer) => answer()));
    const all = (order: Order) => {
      for (const { child } of workers) give(child, order);
    };
    if (connected.some((news) => news.did !== 'connect')) return failed(connected);
    all({ do: 'start' });
    await pause(warmUpMs);
    const probed = await probe();
    const before = readCpu(watch);
    all({ do: 'begin' });
    await pause(measureMs);
    all({ do: 'end' });
    const after = readCpu(watch);
    const counted = cpuBetween(probed, await probe());
    const ended = await Promise.all(answers.map((answer) => answer()));
    all({ do: 'stop' });
    const stopped = await Promise.all(answers.map((answer) => answer()));
    const tallies = ended.flatMap((news) => (news.did === 'end' ? [news.tally] : []));
    return summarize(tallies, stopped, cpuBetween(before, after), counted);
  } finally {
    for (const { child } of workers) child.kill();
  }
}

function summarize(
  tallies: readonly Tally[],
  stopped: readonly News[],
  cpu: CpuTimes,
  counted: Readonly<Record<string, number>>,
): DriveResult {
  const reply = new Histogram();
  const event = new Histogram();
  for (const tally of tallies) {
    reply.add(tally.replyCounts);
    event.add(tally.eventCounts);
  }
  const messages = tallies.reduce((sum, tally) => sum + tally.replies, 0);
  const cores = tallies.map((tally) => tally.cpuMillis / tally.millis);
  const driver = tallies.reduce((sum, tally) => sum + tally.cpuMillis / 1000, 0);
  const per1000 = (seconds: number) => round((seconds * 1000) / Math.max(1, messages), 4);
  return {
    messages,
    perSecond: Math.round(tallies.reduce((sum, tally) => sum + (tally.replies * 1000) / tally.millis, 0)),
    reply: reply.summary(),
    event: event.summary(),
    cpuPer1000: Object.fromEntries(
      [...Object.entries(cpu), ['driver', driver] as const].map(([k, s]) => [k, per1000(s)]),
    ),
    countedPer1000: Object.fromEntries(Object.entries(counted).map(([k, n]) => [k, per1000(n)])),
    driverCores: round(
      cores.reduce((sum, used) => sum + used, 0),
      2,
    ),
    busiestDriverCore: round(Math.max(0, ...cores), 2),
    sent: stopped.reduce((sum, news) => sum + (news.did === 'stop' ? news.sent : 0), 0),
    problems: stopped.flatMap((news) => (news.did === 'stop' ? news.problems : ['a driver process fell silent'])),
  };
}

const failed = (news: readonly News[]): DriveResult =>
  summarize(
    [],
    news.filter((one) => one.did === 'stop'),
    {},
    {},
  );

/** The next answer of a worker, also one that came before it was asked for. */
function listen(child: ChildProcess): () => Promise<News> {
  const arrived: News[] = [];
  let waiting: ((news: News) => void) | undefined;
  const hand = (news: News) => {
    if (waiting === undefined) return void arrived.push(news);
    waiting(news);
    waiting = undefined;
  };
  child.on('message', (news: News) => hand(news));
  child.on('exit', () => hand({ did: 'stop', sent: 0, problems: ['a driver process ended early'] }));
  return () =>
    new Promise((resolve) => {
      const news = arrived.shift();
      if (news === undefined) waiting = resolve;
      else resolve(news);
    });
}

const give = (child: ChildProcess, order: Order): void => void child.send(order);
const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

function round(value: number, places: number): number {
  return Math.round(value * 10 ** places) / 10 ** places;
}
