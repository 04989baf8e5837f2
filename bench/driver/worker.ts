/** One process of the load driver: takes orders from `drive`, holds its share of the connections. */
import { base64urlLength } from '../../protocol/scalars.ts';
import { LoadConnection } from './connection.ts';
import { dialects } from './dialect.ts';
import { Histogram } from './histogram.ts';
import type { LoadPlan, News, Order } from './messages.ts';

const SETTLE_MS = 15_000;
const PROBLEMS_KEPT = 5;

const replyLatency = new Histogram();
const eventLatency = new Histogram();
const problems: string[] = [];
let connections: LoadConnection[] = [];
let acknowledging: NodeJS.Timeout | undefined;
let begun = { at: 0, replies: 0, events: 0, cpu: process.cpuUsage() };

const tell = (news: News): void => void process.send?.(news);
const total = (count: (connection: LoadConnection) => number): number =>
  connections.reduce((sum, connection) => sum + count(connection), 0);

function problem(text: string): void {
  if (problems.length < PROBLEMS_KEPT) problems.push(text);
}

async function open(plan: LoadPlan, firstIndex: number): Promise<void> {
  const mlsChars = base64urlLength(plan.messageBytes);
  const portOf = (index: number): number => plan.ports[index % plan.ports.length] ?? 0;
  const options = { ...plan, dialect: dialects[plan.dialect], mlsChars, replyLatency, eventLatency, problem };
  for (let at = 0; at < plan.seats.length; at += plan.connectingAtOnce) {
    await Promise.all(
      plan.seats.slice(at, at + plan.connectingAtOnce).map(
        (seat, i) =>
          new Promise<void>((resolve, reject) => {
            const failed = (text: string) => {
              problem(text);
              reject(new Error(text));
            };
            const index = firstIndex + at + i;
            connections.push(
              new LoadConnection(seat, index, plan.run, { ...options, port: portOf(index), problem: failed }, resolve),
            );
          }),
      ),
    );
  }
  for (let i = 0; i + 1 < connections.length; i += 2) {
    const [one, other] = [connections[i], connections[i + 1]];
    if (one === undefined || other === undefined) continue;
    one.pair(other);
    other.pair(one);
  }
  acknowledging = setInterval(() => {
    for (const connection of connections) connection.acknowledge();
  }, plan.ackMs);
}

function begin(): void {
  replyLatency.reset();
  eventLatency.reset();
  begun = {
    at: performance.now(),
    replies: total((c) => c.replies),
    events: total((c) => c.events),
    cpu: process.cpuUsage(),
  };
}

function end(): void {
  const cpu = process.cpuUsage(begun.cpu);
  tell({
    did: 'end',
    tally: {
      replies: total((c) => c.replies) - begun.replies,
      events: total((c) => c.events) - begun.events,
      millis: performance.now() - begun.at,
      cpuMillis: (cpu.user + cpu.system) / 1000,
      replyCounts: Array.from(replyLatency.counts),
      eventCounts: Array.from(eventLatency.counts),
    },
  });
}

async function stop(): Promise<void> {
  for (const connection of connections) connection.stop();
  const deadline = performance.now() + SETTLE_MS;
  while (problems.length === 0 && performance.now() < deadline && !connections.every((c) => c.settled)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const connection of connections) connection.verify();
  clearInterval(acknowledging);
  for (const connection of connections) connection.close();
  tell({ did: 'stop', sent: total((c) => c.sent), problems });
  connections = [];
  process.disconnect();
}

process.on('message', (order: Order) => {
  switch (order.do) {
    case 'connect':
      open(order.plan, order.firstIndex).then(
        () => tell({ did: 'connect' }),
        () => stop(),
      );
      break;
    case 'start':
      for (const connection of connections) connection.start();
      break;
    case 'begin':
      begin();
      break;
    case 'end':
      end();
      break;
    case 'stop':
      void stop();
      break;
  }
});
process.on('disconnect', () => process.exit());
