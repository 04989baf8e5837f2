/** One instance without a network: fixed batches of sends, and what each 1,000 of them cost. Started by `guard.ts`. */
import { createHash } from 'node:crypto';
import { closeCodes } from '../../protocol/codes.ts';
import { base64urlLength } from '../../protocol/scalars.ts';
import type { Socket } from '../../server/listen/transport.ts';
import { openPool } from '../../server/store/pool.ts';
import type { Identity } from '../../server/store/store.ts';
import { startMessaging } from '../../server/testing/messaging.ts';
import { cpuBetween, readPreciseCpu } from '../measure/cpu.ts';
import { type Person, provision } from '../provision.ts';

export type Counters = Readonly<Record<CounterName, number>>;
export type CounterName =
  | 'roundTrips'
  | 'walBytes'
  | 'rowsWritten'
  | 'rowsRead'
  | 'bytesAllocated'
  | 'serverCpu'
  | 'postgresCpu';

const PAIRS = 50;
const SENDS_EACH = 2;
const BATCH = PAIRS * SENDS_EACH;
const WARM_UP_BATCHES = 60;
/** CPU is taken from the cheapest of several rounds: whatever else the machine does only adds. */
const ROUNDS = 8;
const ROUND_BATCHES = 20;
const ALLOCATING_BATCHES = 10;
const MLS = `${'QUJD'.repeat(base64urlLength(256) >> 2)}QA`;

/** A socket that only counts what the server sends. */
class CountingSocket implements Socket {
  readonly remoteAddress = '127.0.0.1';
  replies = 0;
  lastSeq = 0;
  onReply: () => void = () => {};

  send(frame: string): 'sent' {
    if (frame.startsWith('{"type":"reply"')) {
      this.replies++;
      this.onReply();
    } else if (frame.startsWith('{"type":"error"')) throw new Error(frame);
    else if (frame.startsWith('{"type":"message.new"')) this.lastSeq = Number(/"seq":(\d+)/.exec(frame)?.[1]);
    return 'sent';
  }

  cork(write: () => void): void {
    write();
  }

  end(code: number, reason: string): void {
    if (code !== closeCodes.draining) throw new Error(`closed with ${code} ${reason}`);
  }
}

const url = process.env.DATABASE_URL ?? '';
const sql = openPool({ url, max: 1, name: 'guard', statementTimeoutMs: 0, lockTimeoutMs: 0 });
const neighbour = new URL(url);
neighbour.pathname = '/postgres';
// In another database, so that its own questions are not counted.
const aside = openPool({
  url: neighbour.href,
  max: 1,
  name: 'guard',
  statementTimeoutMs: 0,
  lockTimeoutMs: 0,
});
await aside`create extension if not exists pg_stat_statements`;
const people = await provision(sql, 2 * PAIRS);
// By itself a connection tells at most once a second what it did, and then it would stand among what hellos do.
await sql`select pg_stat_force_next_flush()`;
// In a tiny database a hello reads whole tables, which is no business of a send: what hellos alone touch is taken off.
// The first ones are not like the later ones, since nobody had been here before.
await leave((await arrive()).messaging);
const atFirst = await rows();
await leave((await arrive()).messaging);
const afterHellos = await rows();

const { messaging, seats } = await arrive();
const writers = seats.filter((_, i) => i % 2 === 0);
const readers = seats.filter((_, i) => i % 2 === 1);

let batches = 0;
for (let i = 0; i < WARM_UP_BATCHES; i++) await batch(frames());

const watch = { postgres: Number(process.env.POSTGRES_PID) };
const before = await statements();
let cheapest = { unit: Number.POSITIVE_INFINITY, server: Number.POSITIVE_INFINITY, postgres: Number.POSITIVE_INFINITY };
for (let i = 0; i < ROUNDS; i++) cheapest = lowest(cheapest, await round());

// With a young generation larger than all of this, nothing is collected meanwhile and the heap only grows.
const prepared = Array.from({ length: ALLOCATING_BATCHES }, frames);
globalThis.gc?.();
const heap = process.memoryUsage().heapUsed;
for (const each of prepared) await batch(each);
const allocated = process.memoryUsage().heapUsed - heap;
const after = await statements();

await leave(messaging);
const atLast = await rows();
const written = atLast.written - afterHellos.written - (afterHellos.written - atFirst.written);
const read = atLast.read - afterHellos.read - (afterHellos.read - atFirst.read);
const counted = ROUNDS * ROUND_BATCHES + ALLOCATING_BATCHES;
const per1000 = (value: number, ofBatches: number) => (value * 1000) / (ofBatches * BATCH);
const counters: Counters = {
  roundTrips: per1000(after.calls - before.calls, counted),
  walBytes: per1000(after.wal - before.wal, counted),
  rowsWritten: per1000(written, WARM_UP_BATCHES + counted),
  rowsRead: per1000(read, WARM_UP_BATCHES + counted),
  bytesAllocated: per1000(allocated, ALLOCATING_BATCHES),
  serverCpu: per1000(cheapest.server / cheapest.unit, ROUND_BATCHES),
  postgresCpu: per1000(cheapest.postgres / cheapest.unit, ROUND_BATCHES),
};
process.send?.(counters);
await Promise.all([sql.end(), aside.end()]);
process.disconnect();

interface Seat {
  readonly person: Person;
  readonly socket: CountingSocket;
  readonly message: (text: string) => void;
}

/** An instance, and everybody connected to it. */
async function arrive() {
  const messaging = startMessaging({ url });
  const seats = people.map((person) => enter(messaging, person));
  await turn(() => seats.every(({ socket }) => socket.replies === 1));
  return { messaging, seats };
}

/** Until PostgreSQL has counted what it did. */
async function leave(messaging: AsyncDisposable): Promise<void> {
  await messaging[Symbol.asyncDispose]();
  await turn(
    async () =>
      (await aside`select from pg_stat_activity where application_name ~ '^sotto (append|read|background)'`).length ===
      0,
  );
}

function enter(messaging: ReturnType<typeof startMessaging>, person: Person): Seat {
  const socket = new CountingSocket();
  const session = messaging.lobby.accept(socket);
  const message = (text: string) => session.message(text, text.length);
  const identity: Identity = { userId: person.userId, deviceId: person.deviceId, sessionId: person.sessionId };
  message(JSON.stringify({ id: 1, type: 'hello', body: { token: JSON.stringify(identity) } }));
  return { person, socket, message };
}

/** The frames of one batch, each with a client id of its own. */
function frames(): { seat: Seat; text: string }[] {
  const n = batches++;
  return writers.flatMap((seat) =>
    Array.from({ length: SENDS_EACH }, (_, i) => {
      const clientId = `00000000-0000-7000-8000-${String(n * SENDS_EACH + i).padStart(12, '0')}`;
      const body = { conversationId: seat.person.conversationId, clientId, epoch: 0, mls: MLS };
      return { seat, text: JSON.stringify({ id: 2 + i, type: 'message.send', body }) };
    }),
  );
}

/** All frames arrive in one turn, so they make one batch; then every reader acknowledges once. */
async function batch(sends: ReturnType<typeof frames>): Promise<void> {
  let missing = sends.length;
  await new Promise<void>((resolve) => {
    for (const { socket } of writers) {
      socket.onReply = () => {
        if (--missing === 0) resolve();
      };
    }
    for (const { seat, text } of sends) seat.message(text);
  });
  for (const { person, socket, message } of readers) {
    message(`{"type":"ack","body":{"conversationId":"${person.conversationId}","seq":${socket.lastSeq}}}`);
  }
  await messaging.receipts.flush();
}

/** CPU milliseconds of some batches, and of the fixed piece of work just before them. */
async function round(): Promise<typeof cheapest> {
  const unit = unitOfWork();
  const [cpu, tree] = [process.cpuUsage(), readPreciseCpu(watch)];
  for (let i = 0; i < ROUND_BATCHES; i++) await batch(frames());
  const { user, system } = process.cpuUsage(cpu);
  const postgres = cpuBetween(tree, readPreciseCpu(watch)).postgres ?? 0;
  return { unit, server: (user + system) / 1000, postgres: postgres * 1000 };
}

function lowest(a: typeof cheapest, b: typeof cheapest): typeof cheapest {
  return {
    unit: Math.min(a.unit, b.unit),
    server: Math.min(a.server, b.server),
    postgres: Math.min(a.postgres, b.postgres),
  };
}

/** Exact at any moment. */
async function statements() {
  const [row] = await aside<{ calls: number; wal: number }[]>`
    select sum(calls)::bigint as calls, sum(wal_bytes)::bigint as wal from pg_stat_statements
    where dbid = (select oid from pg_database where datname = ${new URL(url).pathname.slice(1)})`;
  if (row === undefined) throw new Error('no statements');
  return row;
}

/** Exact only once the connections that did the work have ended. */
async function rows() {
  const [row] = await sql<{ written: number; read: number }[]>`
    select sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint as written,
      sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint as read from pg_stat_user_tables`;
  if (row === undefined) throw new Error('no statistics');
  return row;
}

/** CPU milliseconds of a fixed piece of work, so that CPU figures of different machines can be compared. */
function unitOfWork(): number {
  const text = JSON.stringify({
    mls: MLS.repeat(8),
    list: Array.from({ length: 50 }, (_, i) => ({ i, name: `n${i}` })),
  });
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < 2000; i++)
      createHash('sha256')
        .update(JSON.stringify(JSON.parse(text)))
        .digest();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  return best / 100;
}

async function turn(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setImmediate(resolve));
}
