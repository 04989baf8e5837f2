import { randomUUID } from 'node:crypto';
import { generateSigningKey } from '../../server/accounts/signing-keys.ts';
import { provision } from '../provision.ts';
import type { News, Order, Return } from '../resume/messages.ts';
import { DeviceProcess } from '../resume/process.ts';
import type { BenchDatabase } from '../services/postgres.ts';
import { startServerProcess } from '../services/server-process.ts';
import { Stack } from '../services/stack.ts';
import { seatsOf } from '../targets/server.ts';
import { cpuBetween, readCpu, readMemory } from './cpu.ts';

export interface ResumePlan {
  readonly database: BenchDatabase;
  readonly redisUrl: string;
  readonly postgresPid: number | undefined;
  readonly sockets: number;
  readonly processes: number;
  /** Devices of the survivor's own, which come, talk, go and come again before. */
  readonly own: number;
  /** Messages that each device sends, and nobody acknowledges, before the server dies. */
  readonly backlog: number;
  /** How long the connections are left alone before their memory is measured. */
  readonly idleMs: number;
  readonly nodeFlags?: readonly string[];
  /** Called when what is measured begins. */
  readonly killed?: () => Promise<void>;
  readonly say: (text: string) => void;
}

export interface ResumeOutcome {
  readonly sockets: number;
  readonly backlog: number;
  /** Resident memory of the first server: before any connection, with all of them idle, and the difference for each. */
  readonly emptyRss: number;
  readonly idleRss: number;
  readonly bytesPerConnection: number;
  readonly openedMs: number;
  /** From the kill until so many devices were in sync on the other instance. */
  readonly syncedMs: Readonly<Record<'half' | 'p95' | 'all', number>>;
  /** Until all devices held every entry, and every send was answered. */
  readonly completeMs: number;
  readonly attempts: number;
  readonly entriesAgain: number;
  readonly sent: number;
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** What was lost, doubled or out of order; empty if nothing. */
  readonly problems: readonly string[];
}

/** Fills one of two instances with devices, kills it with -9, and sees all of them resume on the other. */
export async function measureResume(plan: ResumePlan): Promise<ResumeOutcome> {
  const { database, redisUrl, sockets, backlog, say } = plan;
  await using stack = new Stack();
  const { secret } = await generateSigningKey();
  const options = { databaseUrl: database.url, secretKey: secret, redisUrl };
  const first = stack.use(await startServerProcess(options));
  const second = stack.use(await startServerProcess({ ...options, nodeFlags: plan.nodeFlags ?? [] }));
  const people = await provision(database.sql, sockets + plan.own, new Date());
  const everyone = await seatsOf(people, secret);
  const seats = everyone.slice(0, sockets);
  const share = Math.ceil(sockets / plan.processes / 2) * 2;
  const run = randomUUID().slice(0, 8);
  const workers = Array.from({ length: plan.processes }, () => stack.use(new DeviceProcess()));
  const all = async <T extends News['did']>(did: T, order: (i: number) => Order) =>
    Promise.all(workers.map((worker, i) => worker.order(order(i), did)));

  const own = { do: 'open', seats: everyone.slice(sockets), firstIndex: sockets, port: second.port, run } as const;
  // On the first, so that the memory of the work itself is there before the connections are weighed.
  await serveOwn({ ...own, port: first.port }, 0);
  await serveOwn(own, backlog);
  const neighbours = stack.use(new DeviceProcess());
  await neighbours.order(own, 'open');
  say(`${plan.own} devices of its own on the survivor`);

  const emptyRss = readMemory(first.pid).now;
  const began = performance.now();
  await all('open', (i) => ({
    do: 'open',
    seats: seats.slice(i * share, (i + 1) * share),
    firstIndex: i * share,
    port: first.port,
    run,
  }));
  const openedMs = Math.round(performance.now() - began);
  say(`${sockets} connected in ${openedMs} ms`);
  await pause(plan.idleMs);
  const idleRss = readMemory(first.pid).now;
  for (let n = 0; n < backlog; n++) await all('send', () => ({ do: 'send' }));
  say(`${backlog * sockets} messages wait to be acknowledged`);
  await pause(plan.idleMs);

  const watch = { server: second.pid, ...(plan.postgresPid !== undefined && { postgres: plan.postgresPid }) };
  const before = readCpu(watch);
  const returns = workers.map((worker) => worker.news('return'));
  await all('strike', () => ({ do: 'strike', port: second.port }));
  const killedAt = Date.now();
  await first.kill();
  await plan.killed?.();
  const back = (await Promise.all(returns)).filter((news) => news.did === 'return');
  const cpu = cpuBetween(before, readCpu(watch));
  const problems = [
    ...back.flatMap((news) => news.problems),
    ...(await lostOrDoubled(database, sum(back, 'sent') + backlog * plan.own)),
  ];
  const synced = back.flatMap((news) => news.syncedAt.map((at) => at - killedAt)).sort((a, b) => a - b);
  const at = (part: number): number => synced[Math.max(0, Math.ceil(synced.length * part) - 1)] ?? 0;
  return {
    sockets,
    backlog,
    emptyRss,
    idleRss,
    bytesPerConnection: Math.round((idleRss - emptyRss) / sockets),
    openedMs,
    syncedMs: { half: at(0.5), p95: at(0.95), all: at(1) },
    completeMs: Math.max(...back.flatMap((news) => news.completeAt)) - killedAt,
    attempts: sum(back, 'attempts'),
    entriesAgain: sum(back, 'again'),
    sent: sum(back, 'sent'),
    cpuSeconds: { ...cpu, driver: sum(back, 'cpuMillis') / 1000 },
    problems,
  };
}

/** A server that never served anybody runs code that is not compiled yet, which no survivor does. */
async function serveOwn(own: Extract<Order, { do: 'open' }>, messages: number): Promise<void> {
  await using devices = new DeviceProcess();
  await devices.order(own, 'open');
  for (let n = 0; n < messages; n++) await devices.order({ do: 'send' }, 'send');
}

/** Each device held every position in order; here is whether the logs hold each message once, without a gap. */
async function lostOrDoubled({ sql }: BenchDatabase, sent: number): Promise<string[]> {
  const [row] = await sql<{ entries: number; messages: number; gaps: number }[]>`
    select count(*)::int as entries, count(distinct (sender_device_id, client_id))::int as messages,
      (select count(*)::int from (
        select conversation_id from conversation_log group by 1 having max(seq) <> count(*)) g) as gaps
    from conversation_log`;
  const { entries = 0, messages = 0, gaps = 0 } = row ?? {};
  return [
    ...(messages === sent ? [] : [`${sent} messages were sent, ${messages} are stored`]),
    ...(entries === messages ? [] : [`${entries - messages} entries are doubles`]),
    ...(gaps === 0 ? [] : [`${gaps} logs have gaps`]),
  ];
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const sum = (back: readonly Return[], key: 'sent' | 'attempts' | 'again' | 'cpuMillis'): number =>
  back.reduce((total, one) => total + one[key], 0);
