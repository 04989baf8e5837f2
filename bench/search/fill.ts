import type { Sql } from '../../server/store/pool.ts';
import type { Identity } from '../../server/store/store.ts';

export interface Filled {
  readonly seeker: Identity;
  /** Largest first. `number` goes into its tags, see `tags_of`. */
  readonly rooms: readonly { readonly id: string; readonly number: number; readonly size: number }[];
}

const PARTS = 10;

/**
 * Messages in conversations of very different sizes (the n-th with a weight of n to the -0.85: of a million in 2,000 the
 * largest has some 67,000), all of one person and a friend, written in the order of their times, so that every
 * conversation lies scattered over the tables. Each has 3 to 20 words, the n-th of 30,000 with a weight of 1/n, as tags;
 * random ones fill up to a multiple of 8. No word is left out as a stop word: the common ones are commoner than in life.
 *
 * The index grows by inserts with the settings it has in production, which takes most of the time: built at once, or from a
 * longer list of pending tags, its pages are only half full, and it is larger than in life.
 */
export async function fill(sql: Sql, messages: number, conversations: number): Promise<Filled> {
  const [seeker] = await sql<Identity[]>`
    with users as (insert into users (username, email, display_name)
        select name, name || '@example.org', name from unnest(array['seeker', 'friend']) name returning id, username),
      devices as (insert into devices (user_id, name) select id, 'bench' from users returning id, user_id)
    insert into sessions (user_id, device_id) select devices.user_id, devices.id from devices
      join users on users.id = devices.user_id order by username desc returning user_id, device_id, id as session_id`;
  if (seeker === undefined) throw new Error('nobody');
  await sql.unsafe(`
    create function tags_of(words bigint[], room bigint) returns bigint[] language sql immutable return
      array(select distinct hashint8extended(word, room * 1000003) from unnest(words) word);
    create unlogged table rooms as
      select n as number, gen_random_uuid() as id,
        greatest(1, round(power(n, -0.85) / sum(power(n, -0.85)) over () * ${messages}))::integer as size
      from generate_series(1, ${conversations}) n;
    create unlogged table planned as
      select number, id, at, row_number() over (partition by number order by at) as seq
      from (select number, id, random() as at from rooms cross join lateral generate_series(1, size)) m order by at;
    create index on planned (at);
    insert into conversations (id, kind, search_on_server, last_seq, message_count, last_at)
      select id, 'group', true, size, size, now() from rooms;
    insert into conversation_participants (conversation_id, user_id, accepted_at)
      select rooms.id, users.id, now() from rooms, users;
    alter table conversation_log drop constraint conversation_log_pkey;
    drop index conversation_log_client;
    insert into conversation_log (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent,
        message_count, sent_at, digest, mls, content)
      select p.id, p.seq, 1, d.user_id, d.id, gen_random_uuid(), 0, false, p.seq,
        now() - (1 - p.at) * interval '365 days', sha256(p.id::text::bytea), decode(repeat('ab', 324), 'hex'),
        decode(repeat('cd', 256), 'hex')
      from planned p join (select *, row_number() over (order by id) as n from devices) d on d.n = 1 + (p.seq % 2)
      order by p.at;
    alter table conversation_log add primary key (conversation_id, seq);
    create unique index conversation_log_client on conversation_log (conversation_id, sender_device_id, client_id);`);
  for (let part = 0; part < PARTS; part += 1) {
    await sql.unsafe(`
      insert into message_search (conversation_id, seq, v, tags)
      select id, seq, 1, array(select tag from (
        select unnest(tags) as tag union all
        select hashint8extended((random() * 9e15)::bigint, seq) from generate_series(1, (-cardinality(tags) & 7))) t order by tag)
      from (
        -- Reading a column of each row inside is what draws anew for each row.
        select p.id, p.seq, tags_of(array(
          select floor(power(30000, random()))::bigint from generate_series(1, 3 + floor(random() * 18 + p.seq * 0)::integer)
        ), p.number) as tags
        from planned p where p.at >= ${part / PARTS} and p.at < ${(part + 1) / PARTS} order by p.at offset 0) m`);
  }
  await sql`drop table planned`;
  await sql`vacuum analyze`;
  const rooms = await sql<
    Filled['rooms'][number][]
  >`select id, number::integer, size from rooms order by size desc, number`;
  return {
    seeker: { userId: seeker.userId, deviceId: seeker.deviceId, sessionId: seeker.sessionId },
    rooms: [...rooms],
  };
}
