import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { closeCodes, isErrorCode } from '../protocol/codes.ts';
import { isRequestType } from '../protocol/index.ts';
import type { BusObserver } from './bus/redis.ts';
import type { OutboxDepths } from './delivery/hub.ts';
import type { SendTimes } from './delivery/send-timer.ts';
import type { SocketMetrics } from './socket/lobby.ts';
import type { QueryClass } from './store/gate.ts';

/** Numbers that are read when somebody asks for the metrics. */
export interface Gauges {
  /** Sockets before and after hello. */
  sockets(): { readonly greeting: number; readonly ready: number };
  /** What waits inside this instance: hellos for a turn, sends for a batch, marks, reads of the log, characters for the bus. */
  queues(): Readonly<Record<'hellos' | 'sends' | 'marks' | 'log_reads' | 'bus_characters', number>>;
  requestsInFlight(): Readonly<Record<string, number>>;
  outboxes(): OutboxDepths;
  /** Mails of the whole installation that are still to be sent. */
  mailsWaiting(): Promise<number>;
  /** Queries that run or wait, by class; and counts since the start of those that were given up. */
  gate(): Readonly<
    Record<QueryClass, { running: number; waiting: number; refused: number; expired: number; abandoned: number }>
  >;
  busDoubtful(): boolean;
}

export interface Metrics {
  readonly sockets: SocketMetrics;
  readonly bus: Pick<
    BusObserver,
    'lag' | 'published' | 'received' | 'delivered' | 'invalid' | 'unpublished' | 'healthy' | 'unhealthy'
  >;
  readonly sends: SendTimes;
  /** A query had to wait for its turn. */
  gateWait(kind: QueryClass, ms: number): void;
  /** So many messages lost their ciphertext because of their age. */
  expired(messages: number): void;
  /** One group commit. */
  batch(batch: { readonly size: number; readonly ms: number }): void;
  /** Called once everything is wired. */
  watch(gauges: Gauges): void;
  readonly contentType: string;
  /** The text that Prometheus reads. */
  text(): Promise<string>;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** All metrics of one instance. Labels come from the contract, never from a client, so there are few of them. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Includes the delay of the event loop, memory and garbage collection.
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name: `sotto_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[], labelNames: string[] = []): Histogram =>
    new Histogram({ name: `sotto_${name}`, help, buckets, labelNames, registers });

  const entered = counter('hellos_total', 'Connections that said hello');
  const closed = counter('closes_total', 'Connections that ended, by close code', ['code']);
  const started = counter('requests_total', 'Requests that were started, by type', ['type']);
  const answered = counter('replies_total', 'Replies, by type of the request and code', ['type', 'code']);
  const unknown = counter('unknown_notifications_total', 'Notifications of a type that is not known');
  const batchSize = histogram('batch_messages', 'Messages in one group commit', SIZES);
  const batchSeconds = histogram('commit_seconds', 'From cutting a batch until PostgreSQL has committed it', SECONDS);
  const lag = histogram('bus_lag_seconds', 'From publishing on the bus to receiving', SECONDS);
  const acknowledged = histogram(
    'send_acknowledged_seconds',
    'From the arrival of a send until its reply was written, of one in 16',
    SECONDS,
  );
  const delivered = histogram(
    'send_delivered_seconds',
    'From the arrival of a send until its event was written to sockets of this instance, of one in 16',
    SECONDS,
  );
  const busDelivered = histogram(
    'bus_delivered_seconds',
    'From publishing on another instance until it was written to sockets of this one',
    SECONDS,
  );
  const gateWaitOf = histogram('gate_wait_seconds', 'How long queries waited that had to wait', SECONDS, ['class']);
  for (const kind of ['append', 'read', 'search', 'background']) gateWaitOf.zero({ class: kind });
  const gateWaits = {
    append: gateWaitOf.labels('append'),
    read: gateWaitOf.labels('read'),
    search: gateWaitOf.labels('search'),
    background: gateWaitOf.labels('background'),
  };
  const expired = counter(
    'messages_expired_total',
    'Messages whose ciphertext this instance dropped because of their age',
  );
  const busMessages = counter('bus_messages_total', 'Bus messages, by what became of them', ['what']);
  const busBreaks = counter('bus_breaks_total', 'How often the bus became doubtful');

  return {
    sockets: {
      entered: () => entered.inc(),
      closed: (code) => closed.inc({ code: closeLabel(code) }),
      started: (type) => started.inc({ type: typeLabel(type) }),
      answered: (type, code) => answered.inc({ type: typeLabel(type), code: isErrorCode(code) ? code : 'ok' }),
      unknownNotification: () => unknown.inc(),
    },
    bus: {
      lag: (milliseconds) => lag.observe(milliseconds / 1000),
      published: (messages) => busMessages.inc({ what: 'published' }, messages),
      received: (messages) => busMessages.inc({ what: 'received' }, messages),
      delivered: (milliseconds) => busDelivered.observe(milliseconds / 1000),
      invalid: () => busMessages.inc({ what: 'invalid' }),
      unpublished: () => busMessages.inc({ what: 'unpublished' }),
      healthy() {},
      unhealthy: () => busBreaks.inc(),
    },
    sends: {
      acknowledged: (ms) => acknowledged.observe(ms / 1000),
      delivered: (ms) => delivered.observe(ms / 1000),
    },
    expired: (messages) => expired.inc(messages),
    gateWait: (kind, ms) => gateWaits[kind].observe(ms / 1000),
    batch({ size, ms }) {
      batchSize.observe(size);
      batchSeconds.observe(ms / 1000);
    },
    watch: (gauges) => watch(registry, gauges),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

function watch(registry: Registry, gauges: Gauges): void {
  const gauge = (name: string, help: string, labelNames: string[], read: (gauge: Gauge) => void): void => {
    new Gauge({
      name: `sotto_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        read(this);
      },
    });
  };
  gauge('sockets', 'Sockets that are open, before and after hello', ['state'], (one) => {
    const { greeting, ready } = gauges.sockets();
    one.set({ state: 'greeting' }, greeting);
    one.set({ state: 'ready' }, ready);
  });
  gauge('queue_depth', 'What waits inside this instance, by queue', ['queue'], (one) => {
    for (const [queue, depth] of Object.entries(gauges.queues())) one.set({ queue }, depth);
  });
  gauge('requests_in_flight', 'Requests without an answer yet, by type', ['type'], (one) => {
    one.reset();
    for (const [type, count] of Object.entries(gauges.requestsInFlight())) one.set({ type }, count);
  });
  gauge('outbox_depth', 'Entries not yet acknowledged; connections behind the log, or congested', ['what'], (one) => {
    for (const [what, depth] of Object.entries(gauges.outboxes())) one.set({ what }, depth);
  });
  watchMails(registry, gauges);
  gauge('bus_doubtful', '1 while messages between instances may be getting lost', [], (one) =>
    one.set(Number(gauges.busDoubtful())),
  );
  gauge(
    'queries',
    'Queries now (running, waiting) and since the start (refused, expired, abandoned), by class',
    ['class', 'state'],
    (one) => {
      for (const [kind, { running, waiting, refused, expired, abandoned }] of Object.entries(gauges.gate())) {
        for (const [state, count] of Object.entries({ running, waiting, refused, expired, abandoned }))
          one.set({ class: kind, state }, count);
      }
    },
  );
}

const MAILS_WITHIN_MS = 500;

/** The only number that is in the database. While that is away the others must still be told. */
function watchMails(registry: Registry, gauges: Gauges): void {
  new Gauge({
    name: 'sotto_mails_waiting',
    help: 'Mails of the whole installation that are still to be sent; not a number while PostgreSQL does not answer',
    registers: [registry],
    async collect() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<number>((resolve) => {
        timer = setTimeout(() => resolve(Number.NaN), MAILS_WITHIN_MS);
      });
      this.set(await Promise.race([gauges.mailsWaiting().catch(() => Number.NaN), late]));
      clearTimeout(timer);
    },
  });
}

const CLOSE_CODES: ReadonlySet<number> = new Set([1000, 1001, 1006, ...Object.values(closeCodes)]);

/** A client may close with any code it likes. */
const closeLabel = (code: number): string => (CLOSE_CODES.has(code) ? String(code) : 'other');
const typeLabel = (type: string): string => (isRequestType(type) ? type : 'unknown');
