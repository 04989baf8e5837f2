/**
 * `npm run bench:search [-- --messages N]`: searches N (a million) stored messages of 2,000 conversations the way a
 * client does (frame, schema, limits, statement), and sends messages with search tags among them. Fails where one of the
 * limits is crossed.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { RequestInput } from '../protocol/index.ts';
import { Refused, startMessaging } from '../server/testing/messaging.ts';
import { cpuBetween, readPreciseCpu } from './measure/cpu.ts';
import { readEnvironment } from './report/environment.ts';
import { writeResult } from './report/results.ts';
import { indexText, isWithin, type SearchResult, type SearchRow, searchCells, searchHead } from './report/search.ts';
import { textTable, thousands } from './report/table.ts';
import { fill } from './search/fill.ts';
import { keepAwake } from './services/awake.ts';
import { benchPostgres } from './services/postgres.ts';
import { exitOnSignals } from './services/stack.ts';

const CONVERSATIONS = 2_000;
const WARM_UP = 30;
const ROUNDS = 300;
/** Several times as many as empty the list of pending tags, in each of the rounds. */
const SENDS = 6_000;
const SEND_ROUNDS = 3;
const PLAIN_SENDS = 500;
const INDEX_LIMIT_MB = 450;

exitOnSignals();
const { values } = parseArgs({ options: { messages: { type: 'string', default: '1000000' } } });
const messages = Number(values.messages);
const environment = readEnvironment(keepAwake());
await using postgres = await benchPostgres();
const { url, sql } = await postgres.database();
const began = performance.now();
const { seeker, rooms } = await fill(sql, messages, CONVERSATIONS);
const fillSeconds = Math.round((performance.now() - began) / 1000);
console.log(`${thousands(messages)} messages written in ${fillSeconds} s`);
await postgres.settle();

await using server = startMessaging({ url, limitFactor: 1_000_000 });
const client = await server.connect(seeker);
const largest = room(0);
const watch = { ...(postgres.pid !== undefined && { database: postgres.pid }) };
const rows: SearchRow[] = [];

type Query = RequestInput<'message.search'>['queries'][number];
const byWords = (conversationId: string, tags: string[]): Query => ({ conversationId, keys: [{ v: 1, tags }] });
const aYearAgo = Date.now() - 365 * 86_400_000;
const day = (n: number): string => new Date(aYearAgo + n * 86_400_000).toISOString();

await searches('three words, a conversation of middling size', 5, async (n) => {
  const { id } = room(CONVERSATIONS / 2 - 50 + (n % 100));
  return [byWords(id, await together(id))];
});
await searches('the commonest word, the largest conversation', 30, async () => [
  byWords(largest.id, await wordsIn(largest.number, 1)),
]);
await searches('a word of rank 20 to 200, the largest', undefined, async (n) => [
  byWords(largest.id, await wordsIn(largest.number, 20 + ((n * 37) % 180))),
]);
await searches('a rare word, the largest', undefined, async (n) => [
  byWords(largest.id, await wordsIn(largest.number, 10_000 + n)),
]);
await searches('three words, the largest', undefined, async () => [byWords(largest.id, await together(largest.id))]);
await searches('a word under 5 keys each, 100 conversations', undefined, async (n) => {
  const hundred = rooms.slice(0, 100);
  const tags = textsOf(
    await sql`select (tags_of(array[${50 + n}::bigint], number))[1]::text as tag
      from rooms where number <= 100 order by size desc, number`,
  );
  return hundred.map(({ id }, i) => ({
    conversationId: id,
    keys: [1, 2, 3, 4, 5].map((v) => ({ v, tags: [(v === 1 && tags[i]) || randomBytes(8).toString('base64url')] })),
  }));
});
await searches('by sender in a week, without words, the largest', undefined, async (n) => [
  { conversationId: largest.id, senderId: seeker.userId, sentFrom: day(n), sentBefore: day(n + 7) },
]);
await sends();

const [sizes] = await sql<{ index: number; key: number; table: number; tags: number }[]>`
  select pg_relation_size('message_search_tags') as index, pg_relation_size('message_search_pkey') as key,
    pg_table_size('message_search') as table,
    (select avg(cardinality(tags))::float8 from message_search tablesample system (1)) as tags`;
if (sizes === undefined) throw new Error('no sizes');
const MB = 2 ** 20;
const megabytes = { index: sizes.index / MB, primaryKey: sizes.key / MB, table: sizes.table / MB };
const result: SearchResult = {
  messages,
  conversations: CONVERSATIONS,
  largest: largest.size,
  tagsEach: sizes.tags,
  fillSeconds,
  rows,
  megabytes,
  indexLimitMb: INDEX_LIMIT_MB,
  postgres: { ...postgres.settings },
  passed: megabytes.index <= INDEX_LIMIT_MB && rows.every(isWithin),
  environment,
};
console.log(textTable(searchHead, rows.map(searchCells)));
console.log(`\n${indexText(result)}`);
console.log(`written to ${writeResult('search', { kind: 'search', ...result })}`);
process.exitCode = result.passed ? 0 : 1;

/** One at a time, after some that are not counted. */
async function searches(what: string, p95: number | undefined, make: (n: number) => Promise<Query[]>): Promise<void> {
  const asked: Query[][] = [];
  for (let n = 0; n < WARM_UP + ROUNDS; n += 1) asked.push(await make(n));
  for (const queries of asked.splice(0, WARM_UP))
    await client.request('message.search', { queries }).catch(unlessUnavailable);
  const times: number[] = [];
  let found = 0;
  let refused = 0;
  const cpu = readPreciseCpu(watch);
  for (const queries of asked) {
    const began = performance.now();
    const answer = await client.request('message.search', { queries }).catch(unlessUnavailable);
    times.push(performance.now() - began);
    if (answer === undefined) refused += 1;
    else found += answer.matches.length;
  }
  const { database = 0 } = cpuBetween(cpu, readPreciseCpu(watch));
  rows.push({
    what,
    ...percentiles(times),
    databaseCpu: (database * 1000) / ROUNDS,
    found: found / ROUNDS,
    refused,
    ...(p95 !== undefined && { limit: { of: 'p95', ms: p95 } }),
  });
}

/** What takes longer than a second is refused; it is counted with the time it took. */
function unlessUnavailable(error: unknown): undefined {
  if (error instanceof Refused && error.code === 'unavailable') return undefined;
  throw error;
}

/** Messages with tags and without, in turn, one at a time, into the conversations as they were filled. */
async function sends(): Promise<void> {
  await sql`update conversations set search_on_server = false where id = ${room(1).id}`;
  const times: Record<'tagged' | 'plain', number[]> = { tagged: [], plain: [] };
  const body = {
    epoch: 0,
    mls: randomBytes(324).toString('base64url'),
    content: randomBytes(256).toString('base64url'),
  };
  const send = (conversationId: string, search: object) =>
    client.request('message.send', { ...body, ...search, conversationId, clientId: randomUUID() });
  // Tags are filed beside the sends, so what they cost is what both kinds together take beyond the plain ones alone.
  const walPlain = await walOf(PLAIN_SENDS, () => send(room(1).id, {}));
  const tags = await Promise.all(Array.from({ length: SENDS }, () => drawn(largest.number)));
  const walBoth = await walOf(SENDS, async (n) => {
    for (const kind of ['tagged', 'plain'] as const) {
      const asked = performance.now();
      await (kind === 'tagged' ? send(largest.id, { search: { v: 1, tags: tags[n] } }) : send(room(1).id, {}));
      times[kind].push(performance.now() - asked);
    }
  });
  // The worst of all is judged; where it happened tells the index from whatever else the machine did.
  const parts = Array.from({ length: SEND_ROUNDS }, (_, round) =>
    Math.max(...times.tagged.slice((round * SENDS) / SEND_ROUNDS, ((round + 1) * SENDS) / SEND_ROUNDS)),
  );
  rows.push({
    what: `a send with tags, ${Math.round(walBoth - walPlain)} bytes of WAL (worst of each third: ${parts.map((ms) => ms.toFixed(0)).join(', ')})`,
    ...percentiles(times.tagged),
    limit: { of: 'worst', ms: 60 },
  });
  rows.push({ what: `a send without, ${Math.round(walPlain)} bytes of WAL`, ...percentiles(times.plain) });
}

/** Bytes of WAL that each of so many took, one after the other. */
async function walOf(count: number, act: (n: number) => Promise<unknown>): Promise<number> {
  const position = async () =>
    (await sql<{ at: number }[]>`select (pg_current_wal_insert_lsn() - '0/0')::bigint as at`)[0]?.at ?? 0;
  const before = await position();
  for (let n = 0; n < count; n += 1) await act(n);
  return ((await position()) - before) / count;
}

function percentiles(times: number[]): Pick<SearchRow, 'p50' | 'p95' | 'worst'> {
  const sorted = times.sort((a, b) => a - b);
  const of = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { p50: of(0.5), p95: of(0.95), worst: of(1) };
}

function room(n: number): (typeof rooms)[number] {
  const found = rooms[n];
  if (found === undefined) throw new Error(`no conversation ${n}`);
  return found;
}

/** The tags that words have in a conversation. */
async function wordsIn(number: number, ...ranks: number[]): Promise<string[]> {
  return textsOf(await sql`select unnest(tags_of(${`{${ranks.join()}}`}::text::bigint[], ${number}))::text as tag`);
}

/** Three tags that stand together in a message. */
async function together(id: string): Promise<string[]> {
  return textsOf(
    await sql`
    select unnest(tags[2:4])::text as tag from (
      select tags from message_search where conversation_id = ${id} and seq <= 500 order by random() limit 1) m`,
  );
}

/** The tags of one more message as the table was filled, as they go over the wire. */
async function drawn(number: number): Promise<string[]> {
  const ranks = Array.from({ length: 3 + Math.floor(Math.random() * 18) }, () => Math.floor(30_000 ** Math.random()));
  const tags = (await wordsIn(number, ...ranks)).map((tag) => Buffer.from(tag, 'base64url'));
  while (tags.length % 8 !== 0) tags.push(randomBytes(8));
  return tags.sort(Buffer.compare).map((tag) => tag.toString('base64url'));
}

function textsOf(tags: readonly object[]): string[] {
  return tags.map((row) => {
    const bytes = Buffer.alloc(8);
    if ('tag' in row) bytes.writeBigInt64BE(BigInt(String(row.tag)));
    return bytes.toString('base64url');
  });
}
