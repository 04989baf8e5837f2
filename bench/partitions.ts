/** `npm run bench:partitions`: what hash partitions of `conversation_log` cost the statements that write and read it. */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createLogStore } from '../server/store/log.ts';
import { openPool, type Sql } from '../server/store/pool.ts';
import type { LogStore, NewMessage } from '../server/store/store.ts';
import { type Person, provision } from './provision.ts';
import { median, spread } from './report/results.ts';
import { percent, textTable } from './report/table.ts';
import { privatePostgres } from './services/postgres.ts';
import { exitOnSignals } from './services/stack.ts';

const { values } = parseArgs({
  options: { partitions: { type: 'string', default: '16' }, rounds: { type: 'string', default: '9' } },
});
const PARTITIONS = Number(values.partitions);
const PEOPLE = 800;
const MLS = Buffer.alloc(256, 7).toString('base64url');
const CONNECTIONS = 5;

/** One statement at a time on one connection, whose backend is watched. */
interface Side {
  readonly url: string;
  readonly people: readonly Person[];
  readonly sql: Sql;
  readonly log: LogStore;
  readonly pid: number;
  next: number;
}

const open = (url: string): Sql =>
  openPool({ url, max: 1, name: 'partitions', statementTimeoutMs: 0, lockTimeoutMs: 0 });
const logOn = (sql: Sql): LogStore =>
  createLogStore({
    run: async (_, query) => query(sql),
    transaction: () => Promise.reject(new Error('there is none here')),
    counts: () => {
      throw new Error('nothing is counted here');
    },
    connect: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });

const tasks: readonly { readonly name: string; readonly times: number; act(side: Side): Promise<unknown> }[] = [
  { name: 'send 1', times: 1000, act: (side) => side.log.append(batch(side, 1), false) },
  { name: 'send 50', times: 60, act: (side) => side.log.append(batch(side, 50), false) },
  { name: 'send 400', times: 15, act: (side) => side.log.append(batch(side, 400), false) },
  { name: 'read 64 of one log', times: 200, act: (side) => page(side) },
  { name: 'read 64 of 32 logs', times: 15, act: (side) => Promise.all(Array.from({ length: 32 }, () => page(side))) },
];

exitOnSignals();
// Full pages in the WAL and vacuums depend on when they happen, not on what is sent.
await using postgres = await privatePostgres({ full_page_writes: 'off', autovacuum: 'off', max_wal_size: '8GB' });
const sides = [await side(0), await side(PARTITIONS)] as const;
for (let i = 0; i < 3; i++) for (const task of tasks) for (const each of sides) await run(each, task);

const rows: (string | number)[][] = [];
const add = (name: string, unit: string, pairs: readonly (readonly [number, number])[]): void => {
  const ratios = pairs.map(([plain, partitioned]) => partitioned / plain);
  const of = (i: 0 | 1): string => median(pairs.map((pair) => pair[i])).toFixed(1);
  rows.push([name, unit, of(0), of(1), median(ratios).toFixed(2), percent(spread(ratios))]);
};
const results = tasks.map((task) => ({ task, cpu: [] as [number, number][], wal: [] as [number, number][] }));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { task, cpu, wal } of results) {
    const order = round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    const both = [
      { cpu: 0, wal: 0 },
      { cpu: 0, wal: 0 },
    ] as [Cost, Cost];
    for (const i of order) both[i] = await run(sides[i], task);
    cpu.push([both[0].cpu, both[1].cpu]);
    if (task.name.startsWith('send')) wal.push([both[0].wal, both[1].wal]);
  }
}
for (const { task, cpu, wal } of results) {
  add(task.name, 'CPU microseconds', cpu);
  if (wal.length > 0) add(task.name, 'bytes of WAL', wal);
}
const first: [number, number][] = [];
const memory: [number, number][] = [];
for (let i = 0; i < CONNECTIONS; i++) {
  const [plain, partitioned] = [await newConnection(sides[0]), await newConnection(sides[1])];
  first.push([plain.micros, partitioned.micros]);
  memory.push([plain.kib, partitioned.kib]);
}
add('first send of 1 and of 50 on a new connection', 'CPU microseconds', first);
add('memory of such a connection', 'KiB', memory);
console.log(textTable(['each', '', 'one table', `${PARTITIONS} partitions`, 'ratio', 'spread'], rows));
await Promise.all(sides.map(({ sql }) => sql.end()));

interface Cost {
  readonly cpu: number;
  readonly wal: number;
}

async function side(partitions: number): Promise<Side> {
  const database = await postgres.database();
  if (partitions > 0) await partition(database.sql, partitions);
  const people = await provision(database.sql, PEOPLE);
  const sql = open(database.url);
  return { url: database.url, people, sql, log: logOn(sql), pid: await backendOf(sql), next: 0 };
}

async function partition(sql: Sql, partitions: number): Promise<void> {
  const [view] = await sql<{ text: string }[]>`select pg_get_viewdef('conversations_as_seen') as text`;
  await sql.unsafe(`
    drop view conversations_as_seen;
    alter table conversation_log rename to plain;
    create table conversation_log (like plain including defaults including constraints including storage)
      partition by hash (conversation_id);
    drop table plain;
    alter table conversation_log add primary key (conversation_id, seq);
    create unique index on conversation_log (conversation_id, sender_device_id, client_id);
    create view conversations_as_seen as ${view?.text ?? ''}`);
  for (let i = 0; i < partitions; i++)
    await sql.unsafe(`create table conversation_log_${i} partition of conversation_log
      for values with (modulus ${partitions}, remainder ${i})`);
}

/** So many messages, each in another conversation. */
function batch(side: Side, size: number): NewMessage[] {
  return Array.from({ length: size }, () => {
    const { conversationId, sessionId } = side.people[(side.next++ * 2) % PEOPLE] as Person;
    const clientId = randomUUID();
    const digest = createHash('sha256').update(clientId).digest('base64');
    return {
      conversationId,
      sessionId,
      clientId,
      epoch: 0,
      silent: false,
      digest,
      mls: MLS,
      content: undefined,
      wrap: undefined,
    };
  });
}

function page(side: Side): Promise<unknown> {
  const { conversationId } = side.people[(side.next++ * 2) % PEOPLE] as Person;
  return side.log.entriesAfter(conversationId, 0, 64, 256 * 1024);
}

/** What one of `times` costs the backend. */
async function run(of: Side, { times, act }: (typeof tasks)[number]): Promise<Cost> {
  const { sql, pid } = of;
  const [wal, cpu] = [await walPosition(sql), backendMicros(pid)];
  for (let i = 0; i < times; i++) await act(of);
  const used = backendMicros(pid) - cpu;
  return { cpu: used / times, wal: ((await walPosition(sql)) - wal) / times };
}

async function newConnection(of: Side): Promise<{ readonly micros: number; readonly kib: number }> {
  const sql = open(of.url);
  const fresh: Side = { ...of, sql, log: logOn(sql), pid: await backendOf(sql) };
  const before = backendMicros(fresh.pid);
  for (const size of [1, 50]) await fresh.log.append(batch(fresh, size), false);
  const micros = backendMicros(fresh.pid) - before;
  const [row] = await sql<{ kib: number }[]>`
    select (sum(total_bytes) / 1024)::bigint as kib from pg_backend_memory_contexts`;
  await sql.end();
  return { micros, kib: row?.kib ?? 0 };
}

/** Time on a core since the backend began; the scheduler counts in nanoseconds. */
function backendMicros(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1000;
}

async function backendOf(sql: Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row?.pid ?? 0;
}

async function walPosition(sql: Sql): Promise<number> {
  const [row] = await sql<{ at: number }[]>`select (pg_current_wal_insert_lsn() - '0/0')::bigint as at`;
  return row?.at ?? 0;
}
