import { randomUUID } from 'node:crypto';
import { base64urlLength } from '../../protocol/scalars.ts';
import { LoadConnection, type LoadOptions, type Seat } from '../driver/connection.ts';
import { dialects } from '../driver/dialect.ts';
import { Histogram, type Summary } from '../driver/histogram.ts';
import type { Target } from '../targets/target.ts';
import { readMemory, resetPeak } from './cpu.ts';

export interface SlowReaderOptions {
  /** A server in a process of its own that has done nothing yet. */
  readonly server: { readonly port: number; readonly pid: number };
  /** Four fresh users: 0 writes to 1; 2 and 3 are others, who must not notice. */
  readonly seats: readonly Seat[];
  readonly messages: number;
  /** False: 1 does not read its socket until all messages were sent. */
  readonly reads: boolean;
  readonly messageBytes?: number;
  /** Sends in flight. */
  readonly depth?: number;
  readonly timeoutMs?: number;
}

export interface SlowReaderResult {
  /** The server's resident memory in bytes: before, and at its highest until the last message was stored. */
  readonly idleRss: number;
  readonly peakRss: number;
  /** From a send of the others to its event, in ms, while all this went on. */
  readonly others: Summary;
  /** Until all messages were stored, and until the reader had all of them. */
  readonly sendMs: number;
  readonly catchUpMs: number;
  readonly received: number;
  /** Anything lost, doubled, out of order or altered; empty if all is well. */
  readonly problems: readonly string[];
}

const ACK_MS = 20;
const PING_MS = 20_000;

/** Sends many messages to somebody who doesn't read, then lets them read; every entry is checked. */
export async function measureSlowReader(options: SlowReaderOptions): Promise<SlowReaderResult> {
  const { server, messages, reads, messageBytes = 256, depth = 32, timeoutMs = 120_000 } = options;
  const problems: string[] = [];
  const others = new Histogram();
  const shared: LoadOptions = {
    host: '127.0.0.1',
    port: server.port,
    dialect: dialects.sotto,
    depth,
    mlsChars: base64urlLength(messageBytes),
    ordered: true,
    ackEvery: 32,
    replyLatency: new Histogram(),
    eventLatency: new Histogram(),
    problem: (text) => problems.push(text),
  };
  const bystander = { ...shared, depth: 1, eventLatency: others };
  const [writer, reader, one, other] = await openAll(options.seats, [
    { ...shared, limit: messages },
    shared,
    bystander,
    bystander,
  ]);
  if (!writer || !reader || !one || !other) throw new Error('four seats are needed');
  const connections = [writer, reader, one, other];
  writer.pair(reader);
  reader.pair(writer);
  one.pair(other);
  other.pair(one);
  const acknowledging = setInterval(() => {
    for (const connection of connections) connection.acknowledge();
  }, ACK_MS);
  const pinging = setInterval(() => reader.ping(), PING_MS);
  try {
    if (!reads) reader.pause(true);
    resetPeak(server.pid);
    const idleRss = readMemory(server.pid).now;
    const started = performance.now();
    const until = (done: () => boolean) => waitFor(() => problems.length > 0 || done(), started + timeoutMs, problems);
    one.start();
    writer.start();
    await until(() => writer.replies === messages);
    const peakRss = readMemory(server.pid).peak;
    const stored = performance.now();
    one.stop();
    if (!reads) reader.pause(false);
    await until(() => connections.every((connection) => connection.settled));
    const ended = performance.now();
    for (const connection of connections) connection.verify();
    const times = { sendMs: Math.round(stored - started), catchUpMs: Math.round(ended - stored) };
    return { idleRss, peakRss, others: others.summary(), ...times, received: reader.events, problems };
  } finally {
    clearInterval(acknowledging);
    clearInterval(pinging);
    for (const connection of connections) connection.close();
  }
}

/** The same run with a normal reader and with one that never reads, each on a fresh server. */
export async function compareSlowReader(
  start: () => Promise<Target>,
  messages: number,
  timeoutMs?: number,
): Promise<{ normal: SlowReaderResult; slow: SlowReaderResult; extraBytes: number }> {
  const run = async (reads: boolean): Promise<SlowReaderResult> => {
    await using server = await start();
    const seats = await server.seats(4);
    // Awaited here: the server must not be disposed of before.
    return await measureSlowReader({ server, seats, messages, reads, ...(timeoutMs !== undefined && { timeoutMs }) });
  };
  const normal = await run(true);
  const slow = await run(false);
  return { normal, slow, extraBytes: slow.peakRss - normal.peakRss };
}

function openAll(seats: readonly Seat[], options: readonly LoadOptions[]): Promise<LoadConnection[]> {
  const run = randomUUID();
  return Promise.all(
    options.map(
      (each, i) =>
        new Promise<LoadConnection>((resolve, reject) => {
          const seat = seats[i];
          if (seat === undefined) return reject(new Error('four seats are needed'));
          const problem = (text: string) => {
            each.problem(text);
            reject(new Error(text));
          };
          const connection: LoadConnection = new LoadConnection(seat, i, run, { ...each, problem }, () =>
            resolve(connection),
          );
        }),
    ),
  );
}

async function waitFor(done: () => boolean, deadline: number, problems: string[]): Promise<void> {
  while (!done()) {
    if (performance.now() > deadline) return void problems.push('time ran out');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
