-- Group commit: appends a batch of messages in one round trip.
--
-- locks             the distinct conversations of the batch
-- wait              false: conversations that another instance's batch holds are answered `busy`; true: wait for them
-- seat_*            the distinct (conversation, session) pairs of the batch
-- seats             for each message, the position of its pair, from 1; messages of one conversation stand together, in
--                   the order in which its log is to hold them
-- places            for each message, its place among those of its conversation in this batch, from 1
-- counts            and how many of these up to it are not silent
-- client_ids ...    what the log stores; a client id occurs at most once per conversation and device. Lists of bytes are
--                   base64 joined by commas: taking an array literal apart is several times slower
-- search_versions   null if no message of the batch has search tags; else for each message the version of the search key
-- search_list       and its tags: integers joined by commas, lists joined by semicolons
--
-- outcomes: for each message `state:number:milliseconds`, joined by commas:
--   o stored (seq, sent at)         d duplicate (seq, sent at)        i idempotency conflict (seq, sent at)
--   b busy                          u session, device or account ended
--   n not found                     f forbidden (blocked)             e stale epoch (the current one)
--   r removal required              x forbidden (the device is not in the conversation's group)
--   g duplicate of a message whose ciphertext is gone (seq, sent at)
--   s search tags where they are not allowed (0), or of a key version above the one given
-- recipients: for each of `locks` its members' user ids joined by commas, joined by semicolons.
--
-- The conversations are locked first and everything is read in a later snapshot, so that seqs are gapless and a retry
-- that races its original sees it. Locks are taken in id order or skipped, so batches can't deadlock.
-- The plans are generic and never scan a table, whatever its size was when they were made.
create function append_messages(
  locks uuid[], wait boolean, seat_conversations uuid[], seat_sessions uuid[],
  seats integer[], places integer[], counts integer[], client_ids uuid[], epochs bigint[], silents boolean[],
  digest_list text, mls_list text, content_list text, wrap_versions integer[], wrap_list text,
  search_versions integer[], search_list text,
  out outcomes text, out recipients text
) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off set enable_material = off set jit = off as $$
declare
  nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  locked uuid[];
  complete boolean;
  now_ms timestamptz;
  -- For each seat: whether its messages may be stored, by whom, and after what.
  seat_state "char"[];
  seat_user uuid[];
  seat_device uuid[];
  seat_epoch bigint[];
  seat_grace boolean[];
  seat_seq bigint[];
  seat_count bigint[];
  seat_at timestamptz[];
  seat_at_ms bigint[];
  -- For each message.
  states "char"[];
  earlier_seqs bigint[];
  earlier_ats timestamptz[];
  place integer := 0;
  notifying integer := 0;
  head record;
  author record;
begin
  -- One message and nothing unusual, which is most of what a quiet server sees: a third of the statements. Whatever is
  -- not plain falls through to the judgement below, which alone knows the reasons and their order.
  if cardinality(seats) = 1 and not wait then
    select c.kind, c.epoch, c.search_on_server, c.last_seq + 1 as seq,
      c.message_count + case when silents[1] then 0 else 1 end as message_count,
      greatest(c.last_at, date_trunc('milliseconds', clock_timestamp())) as at, c.removal_required
    into head from conversations c where c.id = locks[1] for no key update skip locked;
    if found and epochs[1] = head.epoch and not head.removal_required
      and (search_versions is null or (head.search_on_server and search_versions[1] <= 64 * head.seq)) then
      select s.user_id, s.device_id,
        (select string_agg(m.user_id::text, ',') from conversation_participants m
          where m.conversation_id = locks[1] and m.left_at is null) as members
      into author
      from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
      join conversation_participants p on p.conversation_id = locks[1] and p.user_id = s.user_id
      where s.id = seat_sessions[1] and s.ended_at is null and d.revoked_at is null and u.suspended_at is null
        and u.deleted_at is null and p.left_at is null
        and not exists (select from conversation_log l where l.conversation_id = locks[1]
          and l.sender_device_id = s.device_id and l.client_id = client_ids[1])
        and not (head.kind = 'direct' and exists (
              select from conversation_participants o join blocks k on k.user_id = o.user_id and k.blocked_id = p.user_id
              where o.conversation_id = locks[1] and o.user_id <> p.user_id))
        and (head.epoch = 0 or exists (
              select from group_members g where g.conversation_id = locks[1] and g.device_id = s.device_id));
      if found then
        insert into conversation_log (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent,
          message_count, sent_at, digest, wrap_version, mls, content, wrap)
        values (locks[1], head.seq, 1, author.user_id, author.device_id, client_ids[1], epochs[1], silents[1],
          head.message_count, head.at, decode(digest_list, 'base64'), wrap_versions[1], decode(mls_list, 'base64'),
          decode(nullif(content_list, ''), 'base64'), decode(nullif(wrap_list, ''), 'base64'));
        if search_versions is not null then
          insert into message_search (conversation_id, seq, v, tags)
          values (locks[1], head.seq, search_versions[1], concat('{', search_list, '}')::bigint[]);
        end if;
        update conversations set last_seq = head.seq, message_count = head.message_count, last_at = head.at where id = locks[1];
        update conversation_participants p
        set delivered_seq = greatest(p.delivered_seq, head.seq), read_seq = greatest(p.read_seq, head.seq), marked_at = head.at,
          accepted_at = coalesce(p.accepted_at, head.at)
        where p.conversation_id = locks[1] and p.user_id = author.user_id;
        outcomes := 'o:' || head.seq || ':' || (extract(epoch from head.at) * 1000)::bigint;
        recipients := author.members;
        return;
      end if;
    end if;
  end if;

  if wait then
    perform set_config('lock_timeout', '200ms', true);
    locked := array(select id from conversations where id = any (locks) order by id for no key update);
  else
    locked := array(select id from conversations where id = any (locks) order by id for no key update skip locked);
  end if;
  complete := cardinality(locked) = cardinality(locks);
  now_ms := date_trunc('milliseconds', clock_timestamp());

  select array_agg(state order by n), array_agg(user_id order by n), array_agg(device_id order by n),
    array_agg(epoch order by n), array_agg(grace order by n), array_agg(last_seq order by n),
    array_agg(message_count order by n), array_agg(at order by n),
    array_agg((extract(epoch from at) * 1000)::bigint order by n)
  into seat_state, seat_user, seat_device, seat_epoch, seat_grace, seat_seq, seat_count, seat_at, seat_at_ms
  from (
    select seat.n,
      (case
        when c.id is null then 'n'
        when not (complete or c.id = any (locked)) then 'b'
        when s.ended_at is null and d.revoked_at is null and u.suspended_at is null and u.deleted_at is null
          and s.id is not null then
          case
            when p.user_id is null then 'n'
            when c.kind = 'direct' and exists (
              select from conversation_participants o join blocks k on k.user_id = o.user_id and k.blocked_id = p.user_id
              where o.conversation_id = c.id and o.user_id <> p.user_id) then 'f'
            when c.epoch > 0 and not exists (
              select from group_members g where g.conversation_id = c.id and g.device_id = s.device_id) then 'x'
            when c.removal_required then 'r'
            else 'o'
          end
        else 'u'
      end)::"char" as state,
      coalesce(s.user_id, nobody) as user_id, coalesce(s.device_id, nobody) as device_id,
      coalesce(c.epoch, 0) as epoch,
      coalesce(c.epoch > 1 and not c.last_commit_removed and c.last_commit_at > now_ms - interval '10 s', false) as grace,
      coalesce(c.last_seq, 0) as last_seq, coalesce(c.message_count, 0) as message_count,
      coalesce(greatest(c.last_at, now_ms), now_ms) as at
    from unnest(seat_conversations, seat_sessions) with ordinality as seat (conversation_id, session_id, n)
    left join conversations c on c.id = seat.conversation_id
    left join sessions s on s.id = seat.session_id
    left join devices d on d.id = s.device_id
    left join users u on u.id = s.user_id
    left join conversation_participants p
      on p.conversation_id = seat.conversation_id and p.user_id = s.user_id and p.left_at is null
  ) judged;

  -- An earlier send goes before membership, so that a retry never turns into a refusal.
  select array_agg(state order by ord), array_agg(seq order by ord), array_agg(sent_at order by ord)
  into states, earlier_seqs, earlier_ats
  from (
    select t.ord, l.seq, l.sent_at,
      (case
        when l.seq is not null then
          case when l.digest <> decode(t.digest, 'base64') then 'i' when l.mls is null then 'g' else 'd' end
        when seat_state[t.seat] in ('n', 'b', 'u', 'f') then seat_state[t.seat]::text
        when t.epoch <> seat_epoch[t.seat] and not (seat_grace[t.seat] and t.epoch = seat_epoch[t.seat] - 1) then 'e'
        else seat_state[t.seat]::text
      end)::"char" as state
    from unnest(seats, client_ids, epochs, string_to_array(digest_list, ',')) with ordinality
      as t (seat, client_id, epoch, digest, ord)
    left join conversation_log l on seat_state[t.seat] not in ('u', 'b')
      and l.conversation_id = seat_conversations[t.seat] and l.sender_device_id = seat_device[t.seat]
      and l.client_id = t.client_id
  ) judged;

  if search_versions is not null then
    -- Each version of a search key is told in an entry of the log, and devices accept none that is more than 64 above the
    -- last: one beyond that is nobody's.
    for i in 1 .. cardinality(seats) loop
      continue when states[i] <> 'o' or search_versions[i] is null;
      earlier_seqs[i] := coalesce((
        select 64 * (seat_seq[seats[i]] + places[i]) from conversations c
        where c.id = seat_conversations[seats[i]] and c.search_on_server), 0);
      if search_versions[i] > earlier_seqs[i] then
        states[i] := 's';
      end if;
    end loop;
  end if;

  if exists (select from unnest(states) as s where s <> 'o') then
    -- Some are not to be stored: the others close ranks.
    for i in 1 .. cardinality(seats) loop
      if i = 1 or seat_conversations[seats[i]] <> seat_conversations[seats[i - 1]] then
        place := 0;
        notifying := 0;
      end if;
      if states[i] = 'o' then
        place := place + 1;
        if not silents[i] then
          notifying := notifying + 1;
        end if;
      end if;
      places[i] := place;
      counts[i] := notifying;
    end loop;
  end if;

  insert into conversation_log (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent,
    message_count, sent_at, digest, wrap_version, mls, content, wrap)
  select seat_conversations[t.seat], seat_seq[t.seat] + t.place, 1, seat_user[t.seat], seat_device[t.seat], t.client_id,
    t.epoch, t.silent, seat_count[t.seat] + t.count, seat_at[t.seat], decode(t.digest, 'base64'), t.wrap_version,
    decode(t.mls, 'base64'), decode(t.content, 'base64'), decode(t.wrap, 'base64')
  from unnest(seats, states, places, counts, client_ids, epochs, silents, wrap_versions, string_to_array(digest_list, ','),
      string_to_array(mls_list, ','), string_to_array(content_list, ',', ''), string_to_array(wrap_list, ',', ''))
    as t (seat, state, place, count, client_id, epoch, silent, wrap_version, digest, mls, content, wrap)
  where t.state = 'o';

  if search_versions is not null then
    insert into message_search (conversation_id, seq, v, tags)
    select seat_conversations[t.seat], seat_seq[t.seat] + t.place, t.version, concat('{', t.tags, '}')::bigint[]
    from unnest(seats, states, places, search_versions, string_to_array(search_list, ';'))
      as t (seat, state, place, version, tags)
    where t.state = 'o' and t.version is not null;
  end if;

  update conversations c set last_seq = h.seq, message_count = h.message_count, last_at = h.at
  from (
    select seat_conversations[t.seat] as conversation_id, max(seat_seq[t.seat] + t.place) as seq,
      max(seat_count[t.seat] + t.count) as message_count, max(seat_at[t.seat]) as at
    from unnest(seats, states, places, counts) as t (seat, state, place, count) where t.state = 'o' group by 1
  ) h
  where c.id = h.conversation_id;

  -- Who sends has read what is there, and accepts the conversation.
  update conversation_participants p
  set delivered_seq = greatest(p.delivered_seq, m.seq), read_seq = greatest(p.read_seq, m.seq), marked_at = now_ms,
    accepted_at = coalesce(p.accepted_at, now_ms)
  from (
    select seat_conversations[t.seat] as conversation_id, seat_user[t.seat] as user_id, max(seat_seq[t.seat] + t.place) as seq
    from unnest(seats, states, places) as t (seat, state, place) where t.state = 'o' group by 1, 2
  ) m
  where p.conversation_id = m.conversation_id and p.user_id = m.user_id;

  select string_agg(case
      when t.state = 'o' then concat('o:', seat_seq[t.seat] + t.place, ':', seat_at_ms[t.seat])
      when t.state = 'e' then concat('e:', seat_epoch[t.seat], ':')
      else concat(t.state, ':', t.earlier_seq, ':', (extract(epoch from t.earlier_at) * 1000)::bigint)
    end, ',' order by t.ord)
  into outcomes
  from unnest(seats, states, places, earlier_seqs, earlier_ats) with ordinality
    as t (seat, state, place, earlier_seq, earlier_at, ord);

  select string_agg(coalesce((
      select string_agg(p.user_id::text, ',') from conversation_participants p
      where p.conversation_id = l.id and p.left_at is null), ''), ';' order by l.n)
  into recipients from unnest(locks) with ordinality as l (id, n);
end $$;

-- Opens the one direct conversation of two people, however often and from both sides at once: its id is derived from
-- theirs, so the primary key is what makes it one.
create function open_direct(session uuid, other uuid, out state text, out conversation_id uuid, out created boolean)
language plpgsql as $$
declare
  me uuid := (select s.user_id from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
    where s.id = session and s.ended_at is null and d.revoked_at is null
      and u.suspended_at is null and u.deleted_at is null);
begin
  created := false;
  if me is null then
    state := 'unauthenticated';
  elsif other = me or not exists (select from users u where u.id = other and u.deleted_at is null) then
    state := 'not_found';
  elsif exists (select from blocks b where (b.user_id = me and b.blocked_id = other)
      or (b.user_id = other and b.blocked_id = me)) then
    state := 'forbidden';
  else
    state := 'opened';
    conversation_id := direct_conversation_id(me, other);
    insert into conversations (id, kind) values (conversation_id, 'direct') on conflict do nothing;
    created := found;
    insert into conversation_participants (conversation_id, user_id, accepted_at)
      values (open_direct.conversation_id, least(me, other), case when me < other then now() end),
        (open_direct.conversation_id, greatest(me, other), case when me > other then now() end)
      on conflict do nothing;
    -- Opening what the other one opened first accepts it.
    update conversation_participants p set accepted_at = now(), marked_at = now()
      where p.conversation_id = open_direct.conversation_id and p.user_id = me and p.accepted_at is null;
    created := created or found;
  end if;
end $$;

-- Writes acknowledgements and read marks; both only ever rise.
--
-- ack_seqs    0 for none; raises the device's cursor, and with it its user's delivered mark
-- read_seqs   0 for none; raises the user's read mark, and with it the delivered one
--
-- One row per input: `outcome` is written, busy (the row is being written by someone else: try again), displaced (a newer
-- connection of this device exists), ended (session, device or account) or beyond (above the log's head, or not a member).
-- `audience`: those who may be told, joined by commas. A conversation and session occurs at most once.
--
-- Nobody waits for a participant's row here, and append_messages takes them under its conversation locks, so the two
-- can't deadlock.
create function write_receipts(
  conversation_ids uuid[], session_ids uuid[], connection_nos bigint[], ack_seqs bigint[], read_seqs bigint[]
) returns table (n integer, outcome text, user_id uuid, delivered_seq bigint, read_seq bigint, rose boolean,
  unread bigint, audience text)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_material = off set jit = off as $$
#variable_conflict use_column
declare
  held record;
  -- For each input. Lists of the same length are read side by side, never joined: a batch may be large.
  verdicts text[];
  user_ids uuid[];
  device_ids uuid[];
  -- The marks as they were.
  delivered_before bigint[];
  read_before bigint[];
begin
  select array_agg(i.verdict order by i.n), array_agg(i.user_id order by i.n), array_agg(i.device_id order by i.n),
    array_agg(0), array_agg(0)
  into verdicts, user_ids, device_ids, delivered_before, read_before
  from (
    select t.n, s.user_id, s.device_id,
      case
        when s.id is null or s.ended_at is not null or d.revoked_at is not null or u.suspended_at is not null
          or u.deleted_at is not null then 'ended'
        when d.connection_no <> t.connection_no then 'displaced'
        when p.user_id is null or greatest(t.ack, t.read) > c.last_seq then 'beyond'
        else 'busy'
      end as verdict
    from unnest(conversation_ids, session_ids, connection_nos, ack_seqs, read_seqs) with ordinality
      as t (conversation_id, session_id, connection_no, ack, read, n)
    left join sessions s on s.id = t.session_id
    left join devices d on d.id = s.device_id
    left join users u on u.id = s.user_id
    left join conversations c on c.id = t.conversation_id
    left join conversation_participants p
      on p.conversation_id = t.conversation_id and p.user_id = s.user_id and p.left_at is null
  ) i;

  for held in
    select t.n, p.delivered_seq, p.read_seq
    from unnest(conversation_ids, user_ids, verdicts) with ordinality as t (conversation_id, user_id, verdict, n)
    join conversation_participants p on p.conversation_id = t.conversation_id and p.user_id = t.user_id
    where t.verdict = 'busy'
    for no key update of p skip locked
  loop
    verdicts[held.n] := 'written';
    delivered_before[held.n] := held.delivered_seq;
    read_before[held.n] := held.read_seq;
  end loop;

  insert into device_cursors as k (conversation_id, device_id, seq)
  select t.conversation_id, t.device_id, t.ack
  from unnest(conversation_ids, device_ids, verdicts, ack_seqs) as t (conversation_id, device_id, verdict, ack)
  where t.verdict = 'written' and t.ack > 0 order by 1, 2
  on conflict (conversation_id, device_id) do update set seq = excluded.seq where k.seq < excluded.seq;

  update conversation_participants p
  set delivered_seq = greatest(p.delivered_seq, r.ack, r.read), read_seq = greatest(p.read_seq, r.read),
    marked_at = clock_timestamp()
  from (
    select t.conversation_id, t.user_id, max(t.ack) as ack, max(t.read) as read
    from unnest(conversation_ids, user_ids, verdicts, ack_seqs, read_seqs, delivered_before, read_before)
      as t (conversation_id, user_id, verdict, ack, read, delivered, already_read)
    where t.verdict = 'written' and (greatest(t.ack, t.read) > t.delivered or t.read > t.already_read) group by 1, 2
  ) r
  where p.conversation_id = r.conversation_id and p.user_id = r.user_id;

  return query
  select w.n::integer, w.verdict, w.user_id, w.delivered_seq, w.read_seq, w.rose,
    case when w.read_more then (
      select greatest(c.message_count - coalesce((
        select g.message_count from conversation_log g
        where g.conversation_id = c.id and g.seq = greatest(w.read_seq, w.joined_seq)), 0), 0)
      from conversations c where c.id = w.conversation_id) end,
    case when w.rose and w.accepted_at is not null then (
      select string_agg(o.user_id::text, ',') from conversation_participants o
      where o.conversation_id = w.conversation_id and o.user_id <> w.user_id and o.left_at is null
        and o.accepted_at is not null
        and not exists (select from blocks b where b.user_id = w.user_id and b.blocked_id = o.user_id)
        and not exists (select from blocks b where b.user_id = o.user_id and b.blocked_id = w.user_id)) end
  from (
    select t.n, t.conversation_id, t.user_id, t.verdict, p.delivered_seq, p.read_seq, p.joined_seq, p.accepted_at,
      coalesce(t.verdict = 'written' and p.read_seq > t.already_read, false) as read_more,
      coalesce(t.verdict = 'written' and (p.read_seq > t.already_read or p.delivered_seq > t.delivered), false) as rose
    from unnest(conversation_ids, user_ids, verdicts, delivered_before, read_before) with ordinality
      as t (conversation_id, user_id, verdict, delivered, already_read, n)
    left join conversation_participants p on p.conversation_id = t.conversation_id and p.user_id = t.user_id
  ) w;
end $$;

-- Conversations as each of their members sees them. Marks of others are shown like receipts are: once both have accepted,
-- and no block stands between them.
create view conversations_as_seen as
select me.user_id as viewer_id, c.id, c.kind, c.last_seq, c.epoch, c.last_at, me.read_seq,
  me.accepted_at is not null as accepted, c.search_on_server, c.expire_after_ms,
  greatest(c.message_count - coalesce((
    select l.message_count from conversation_log l
    where l.conversation_id = c.id and l.seq = greatest(me.read_seq, me.joined_seq)), 0), 0) as unread,
  (select json_agg(json_build_object('userId', m.user_id, 'username', u.username, 'displayName', u.display_name,
      'deliveredSeq', case when shared then m.delivered_seq else 0 end,
      'readSeq', case when shared then m.read_seq else 0 end) order by m.user_id)
    from conversation_participants m
    join users u on u.id = m.user_id
    cross join lateral (select m.user_id = me.user_id or (
      me.accepted_at is not null and m.accepted_at is not null
      and not exists (select from blocks b where b.user_id = me.user_id and b.blocked_id = m.user_id)
      and not exists (select from blocks b where b.user_id = m.user_id and b.blocked_id = me.user_id)) as shared) s
    where m.conversation_id = c.id and m.left_at is null) as members
from conversation_participants me join conversations c on c.id = me.conversation_id
where me.left_at is null;
