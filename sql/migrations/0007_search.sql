-- Search over blind tags, in the conversations whose members have opted in, and over what the server knows anyway.

-- The tags of a message. A row lives as long as the message's ciphertext and the opt-in.
create table message_search (
  conversation_id uuid not null,
  seq bigint not null,
  -- The version of the conversation's search key that they were made with.
  v integer not null,
  tags bigint[] not null,
  primary key (conversation_id, seq)
);
-- New tags wait in a list that the server empties again and again (server/delivery/pending-tags.ts), and an insert when it is
-- full, here at 64 KB, the least there is: that takes some 40 ms, after a checkpoint 90, at the usual 4 MB most of a second.
create index message_search_tags on message_search using gin (tags) with (fastupdate = on, gin_pending_list_limit = 64);

-- The first entry above `low` and below `high` that was sent at this time or later; `high` if there is none. Times rise
-- with seqs, so a few looks into the log find it.
create function first_sent_from(conversation uuid, at timestamptz, low bigint, high bigint) returns bigint
language plpgsql stable as $$
declare
  middle bigint;
begin
  low := low + 1;
  while low < high loop
    middle := (low + high) / 2;
    if (select l.sent_at >= at from conversation_log l where l.conversation_id = conversation and l.seq = middle) then
      high := middle;
    else
      low := middle + 1;
    end if;
  end loop;
  return high;
end $$;

-- The messages above `low` and below `high` that have all tags of one of the keys, by the index of the tags. `offset 0` has
-- the tags alone decide, which only that index can answer: left to itself, PostgreSQL may walk through a long conversation
-- instead, in the hope of early hits. A function of its own, since such an index is read by a bitmap, and for what else a
-- search reads, a bitmap is a trap: it may collect a whole conversation for each message that is looked up.
create function search_by_index(conversation uuid, versions integer[], tag_lists text[], low bigint, high bigint)
returns setof bigint language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = on set jit = off as $$
begin
  return query
  select distinct f.seq
  from unnest(versions, tag_lists) as k (v, tags)
  cross join lateral (
    select s.conversation_id, s.seq, s.v from message_search s where s.tags @> k.tags::bigint[] offset 0) f
  where f.conversation_id = conversation and f.v = k.v and f.seq > low and f.seq < high;
end $$;

-- Finds messages in several conversations, those of each from the newest on and at most `most`.
--
-- for each query: its conversation, the sender (null: anybody), the times from and before which (in milliseconds; null:
--   any), the seq below which (null: all), and how many keys it has. Without keys its sender and times alone decide.
-- for each key, in the order of the queries: the version, and the tags as the text of an array. All tags of one key must
--   be there, under its version; of several keys one is enough.
--
-- state:
--   unauthenticated (session, device or account ended), not_found (not a member), closed (not opted in): alone, with the
--     query that it is about; then nothing was looked for
--   found: a message, with its seq and time
--   further: nothing more was found down to this seq, but the search ended there
create function search_messages(
  session uuid, conversation_ids uuid[], senders uuid[], froms bigint[], untils bigint[], befores bigint[],
  key_counts integer[], key_versions integer[], key_tags text[], most integer
) returns table (n integer, state text, seq bigint, sent_at timestamptz)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off set enable_material = off set jit = off as $$
#variable_conflict use_column
declare
  -- Entries that a request looks through at most, over all of its queries, where no index leads to the sender's.
  walk constant bigint := 50000;
  seeker uuid;
  floors bigint[] := '{}';
  tops bigint[] := '{}';
  conversation uuid;
  low bigint;
  high bigint;
  opted_in boolean;
  first_key integer := 1;
  last_key integer;
  -- How far down the walk goes.
  edge bigint;
  matches bigint;
begin
  select s.user_id into seeker
  from sessions s
  join devices d on d.id = s.device_id and d.revoked_at is null
  join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
  where s.id = session and s.ended_at is null;
  if not found then
    return query select 0, 'unauthenticated', 0::bigint, null::timestamptz;
    return;
  end if;

  -- All are judged before anything is looked for.
  for i in 1 .. cardinality(conversation_ids) loop
    select p.joined_seq, c.last_seq + 1, c.search_on_server into low, high, opted_in
    from conversation_participants p join conversations c on c.id = p.conversation_id
    where p.conversation_id = conversation_ids[i] and p.user_id = seeker and p.left_at is null;
    if not found or (key_counts[i] > 0 and not opted_in) then
      return query select i, case when low is null then 'not_found' else 'closed' end, 0::bigint, null::timestamptz;
      return;
    end if;
    floors := floors || low;
    tops := tops || high;
  end loop;

  for i in 1 .. cardinality(conversation_ids) loop
    conversation := conversation_ids[i];
    last_key := first_key + key_counts[i] - 1;
    low := floors[i];
    high := least(tops[i], befores[i]);
    if froms[i] is not null then
      low := greatest(low, first_sent_from(conversation, to_timestamp(froms[i] / 1000.0), low, high) - 1);
    end if;
    if untils[i] is not null then
      high := least(high, first_sent_from(conversation, to_timestamp(untils[i] / 1000.0), low, high));
    end if;
    if key_counts[i] > 0 then
      -- First through the newest entries: whatever is common stands there often enough, and is not collected from all over
      -- the table. Then by the index, for what is left. `offset 0` keeps the order of the steps: each entry is looked up
      -- by itself once its tags are found to fit, and no more of them than are wanted.
      edge := greatest(low + 1, high - most * greatest(2, 20 / cardinality(conversation_ids)));
      return query
      with k as materialized (
        select t.v, t.tags::bigint[]
        from unnest(key_versions[first_key : last_key], key_tags[first_key : last_key]) as t (v, tags))
      select i, 'found', m.seq, l.sent_at
      from (
        select newest.seq
        from (
          select s.seq, s.v, s.tags from message_search s
          where s.conversation_id = conversation and s.seq >= edge and s.seq < high order by s.seq desc offset 0) newest
        -- `case`, since the tags are compared only where the version fits.
        where exists (select from k where case when k.v = newest.v then newest.tags @> k.tags else false end)
        order by newest.seq desc offset 0
      ) m
      cross join lateral (
        select e.sent_at, e.sender_id, e.mls from conversation_log e
        where e.conversation_id = conversation and e.seq = m.seq offset 0) l
      where l.mls is not null and (senders[i] is null or l.sender_id = senders[i])
      order by m.seq desc limit most;
      get diagnostics matches = row_count;
      if matches < most and edge > low + 1 then
        return query
        select i, 'found', m.seq, l.sent_at
        from (
          select f.seq
          from search_by_index(conversation, key_versions[first_key : last_key], key_tags[first_key : last_key], low, edge)
            as f (seq)
          order by f.seq desc offset 0
        ) m
        cross join lateral (
          select e.sent_at, e.sender_id, e.mls from conversation_log e
          where e.conversation_id = conversation and e.seq = m.seq offset 0) l
        where l.mls is not null and (senders[i] is null or l.sender_id = senders[i])
        order by m.seq desc limit most - matches;
      end if;
    else
      edge := greatest(low + 1, high - walk / cardinality(conversation_ids));
      return query
      select i, 'found', l.seq, l.sent_at
      from conversation_log l
      where l.conversation_id = conversation and l.seq >= edge and l.seq < high
        and l.kind = 1 and l.mls is not null and (senders[i] is null or l.sender_id = senders[i])
      order by l.seq desc limit most;
      get diagnostics matches = row_count;
      if matches < most and edge > low + 1 then
        return query select i, 'further', edge, null::timestamptz;
      end if;
    end if;
    first_key := last_key + 1;
  end loop;
end $$;
