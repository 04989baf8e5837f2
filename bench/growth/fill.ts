import type { BenchDatabase } from '../services/postgres.ts';

export const BYTES = 256;
/** Rows in one statement: its sort stays in memory, and its end can be told. */
const ROWS_AT_ONCE = 500_000;

/**
 * Brings every conversation's log up to `entries`, in the order in which people would have written: one message of each
 * conversation after the other, so that a conversation's entries lie far apart. The indexes are there from the start, as in
 * life; then what autovacuum would have done by then is done at once.
 */
export async function fill({ sql }: BenchDatabase, entries: number, say: (text: string) => void): Promise<void> {
  await sql`
    create table if not exists talks as
    select p.conversation_id, array_agg(p.user_id order by d.id) as users, array_agg(d.id order by d.id) as devices
    from conversation_participants p join devices d on d.user_id = p.user_id group by 1`;
  await catchUp({ sql });
  const [had] = await sql<{ entries: number; talks: number }[]>`
    select min(last_seq) as entries, count(*) as talks from conversations`;
  const { entries: done = 0, talks = 1 } = had ?? {};
  const step = Math.max(1, Math.floor(ROWS_AT_ONCE / talks));
  const mls = Buffer.alloc(BYTES, 0xa7);
  const digest = Buffer.alloc(32, 0x5c);
  for (let from = done + 1; from <= entries; from += step) {
    const to = Math.min(entries, from + step - 1);
    await sql`
      insert into conversation_log (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent,
        message_count, sent_at, digest, mls)
      select conversation_id, n, 1, users[1 + n % 2], devices[1 + n % 2], uuidv7(), 0, false, n,
        date_trunc('milliseconds', clock_timestamp()), ${digest}, ${mls}
      from (
        select n, t.* from generate_series(${from}::integer, ${to}::integer) n
        cross join talks t join conversations c on c.id = t.conversation_id where n > c.last_seq order by n offset 0
      ) entry`;
    say(`${(to * talks).toLocaleString('en-GB')} messages stored`);
  }
  await catchUp({ sql });
  await sql`vacuum (analyze)`;
}

/** Marks and cursors as if everybody had read everything; of those who already have, nothing is touched. */
export async function catchUp({ sql }: Pick<BenchDatabase, 'sql'>): Promise<void> {
  await sql`
    update conversations c set last_seq = head.seq, message_count = head.seq
    from talks t cross join lateral (select coalesce(max(l.seq), 0) as seq from conversation_log l
      where l.conversation_id = t.conversation_id) head
    where c.id = t.conversation_id and c.last_seq <> head.seq`;
  await sql`
    update conversation_participants p set delivered_seq = c.last_seq, read_seq = c.last_seq
    from conversations c where c.id = p.conversation_id and (p.delivered_seq <> c.last_seq or p.read_seq <> c.last_seq)`;
  await sql`
    update device_cursors k set seq = c.last_seq
    from conversations c where c.id = k.conversation_id and k.seq <> c.last_seq`;
}

/** The same people with nothing stored. */
export async function empty({ sql }: BenchDatabase): Promise<void> {
  await sql`truncate conversation_log`;
  await sql`update conversations set last_seq = 0, message_count = 0 where last_seq <> 0`;
  await sql`update conversation_participants set delivered_seq = 0, read_seq = 0 where delivered_seq <> 0`;
  await sql`update device_cursors set seq = 0 where seq <> 0`;
  for (const table of ['conversations', 'conversation_participants', 'device_cursors', 'conversation_log'])
    await sql`vacuum (full, analyze) ${sql(table)}`;
}

/** The head of each conversation's log. */
export async function heads({ sql }: BenchDatabase): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ id: string; lastSeq: number }[]>`select id, last_seq from conversations`;
  return new Map(rows.map(({ id, lastSeq }) => [id, lastSeq]));
}
