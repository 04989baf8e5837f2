import { randomUUID } from 'node:crypto';
import type { Sql } from '../server/store/pool.ts';
import type { Identity } from '../server/store/store.ts';

/** Somebody with an account, a device with a live session, and one direct conversation. */
export interface Person extends Identity {
  readonly conversationId: string;
  readonly username: string;
}

/**
 * Writes an even number of people straight into the database; 2k and 2k + 1 share a conversation. `seenAt`: when their
 * devices were here last; who never was is told nothing of what changed.
 */
export async function provision(sql: Sql, count: number, seenAt: Date | null = null): Promise<Person[]> {
  const run = randomUUID().slice(0, 8);
  const people = await sql<Person[]>`
    with numbers as (select n, case when n % 2 = 0 then n else n - 1 end as pair from generate_series(0, ${count - 1}::integer) n),
      people as (select n, pair, uuidv7() as user_id, uuidv7() as device_id, uuidv7() as session_id,
        ${run} || '_' || n as username from numbers),
      pairs as (select one.pair, direct_conversation_id(one.user_id, other.user_id) as conversation_id
        from people one join people other on other.n = one.n + 1 where one.n = one.pair),
      users as (insert into users (id, username, email, display_name)
        select user_id, username, username || '@example.org', 'Bench ' || n from people),
      devices as (insert into devices (id, user_id, name, last_seen_at) select device_id, user_id, 'bench', ${seenAt}::timestamptz from people),
      sessions as (insert into sessions (id, user_id, device_id) select session_id, user_id, device_id from people),
      talks as (insert into conversations (id, kind) select conversation_id, 'direct' from pairs),
      members as (insert into conversation_participants (conversation_id, user_id, accepted_at)
        select conversation_id, user_id, now() from people join pairs using (pair)),
      cursors as (insert into device_cursors (conversation_id, device_id, seq)
        select conversation_id, device_id, 0 from people join pairs using (pair))
    select user_id, device_id, session_id, conversation_id, username from people join pairs using (pair) order by n`;
  await sql`analyze`;
  return people;
}

/** Their conversations have a group at epoch 1, with both devices in it: messages are judged as in any other. */
export async function enterGroups(sql: Sql, people: readonly Person[]): Promise<void> {
  const ids = people.map(({ conversationId }) => conversationId);
  const devices = people.map(({ deviceId }) => deviceId);
  await sql`update conversations set epoch = 1, last_commit_at = now() where id = any (${ids}::uuid[])`;
  await sql`
    insert into group_members (conversation_id, device_id, leaf_index, added_seq)
    select conversation_id, device_id, (n - 1) % 2, 0
    from unnest(${ids}::uuid[], ${devices}::uuid[]) with ordinality as t (conversation_id, device_id, n)`;
}
