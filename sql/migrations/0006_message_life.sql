-- What becomes of messages after they were stored.

-- How far the ciphertext of a conversation's log was dropped because of its age, and when there is more to drop. A row
-- for each conversation whose members want that, and for all where the operator keeps messages for a limited time.
create table conversation_expiry (
  conversation_id uuid primary key,
  -- No message up to it has a ciphertext.
  done_seq bigint not null default 0,
  -- The age that `due_at` was reckoned by; null: not yet reckoned.
  limit_ms bigint,
  due_at timestamptz not null default now()
) with (fillfactor = 80);
create index conversation_expiry_due on conversation_expiry (due_at);

-- Which server drops what is due. One at a time, so that many servers don't do it faster than one.
create table expiry_turn (
  singleton boolean primary key default true check (singleton),
  holder uuid not null,
  until timestamptz not null
);

-- Changes what the members of a conversation agree on. Null keeps `search`; `expiry` is taken if it is `given`.
-- state: updated, unauthenticated, not_found, forbidden (blocked). `changed`: something is otherwise than before.
create function update_conversation(
  session uuid, conversation uuid, search boolean, expiry_given boolean, expiry bigint, out state text, out changed boolean
) language plpgsql as $$
begin
  changed := false;
  -- Locked before it is judged: what is true of the members then is true of the change.
  perform from conversations c where c.id = conversation for no key update;
  state := conversation_standing(session, conversation);
  if state <> 'ok' then return; end if;
  state := 'updated';
  update conversations c
    set search_on_server = coalesce(search, c.search_on_server),
      expire_after_ms = case when expiry_given then expiry else c.expire_after_ms end,
      changed_at = now()
    where c.id = conversation
      and ((search is not null and search <> c.search_on_server)
        or (expiry_given and expiry is distinct from c.expire_after_ms));
  changed := found;
  if changed and expiry is not null then
    insert into conversation_expiry (conversation_id) values (conversation)
      on conflict (conversation_id) do update set due_at = now();
  end if;
  if not search then
    delete from message_search m where m.conversation_id = conversation;
  end if;
end $$;

-- Drops the ciphertext of an own message; the row stays with its seq, its digest and its count of what notifies.
-- state: deleted, duplicate (it is gone already), unauthenticated, not_found (not a member, no such entry, or a commit),
-- forbidden (somebody else's).
create function delete_message(session uuid, conversation uuid, target bigint, out state text) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  me uuid;
  author uuid;
begin
  state := conversation_standing(session, conversation);
  -- Who is blocked may still take back what was said before.
  if state not in ('ok', 'forbidden') then return; end if;
  select s.user_id into me from sessions s where s.id = session;
  select l.sender_id into author from conversation_log l
    join conversation_participants p on p.conversation_id = l.conversation_id and p.user_id = me and l.seq > p.joined_seq
    where l.conversation_id = conversation and l.seq = target and l.kind = 1;
  if not found then
    state := 'not_found';
  elsif author <> me then
    state := 'forbidden';
  else
    update conversation_log l set mls = null, content = null, wrap = null, wrap_version = null
      where l.conversation_id = conversation and l.seq = target and l.mls is not null;
    state := case when found then 'deleted' else 'duplicate' end;
    delete from message_search m where m.conversation_id = conversation and m.seq = target;
  end if;
end $$;

-- Drops the ciphertext of messages that are too old, some at a time.
--
-- server         who asks; others are refused while it goes on asking
-- retention_ms   the operator's limit for all conversations; null: none
-- most           entries that are looked at, at most
--
-- state: busy (it is another server's turn), more (ask again soon), done (nothing is due). `looked`: entries looked at.
--
-- Times rise with seqs, so what is due is always a piece of the log that begins at `done_seq`, and the entry after it
-- says when to look again. No row of `conversations` is locked: nobody who sends has to wait.
create function expire_messages(
  server uuid, retention_ms bigint, most integer, out state text, out looked integer, out dropped integer
) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  held record;
  age_ms bigint;
  top bigint;
  n integer;
  next_at timestamptz;
begin
  looked := 0;
  dropped := 0;
  insert into expiry_turn as t (holder, until) values (server, clock_timestamp() + interval '1 min')
    on conflict (singleton) do update set holder = excluded.holder, until = excluded.until
    where t.holder = excluded.holder or t.until < clock_timestamp();
  if not found then
    state := 'busy';
    return;
  end if;

  for held in
    select e.conversation_id, e.done_seq from conversation_expiry e where e.due_at <= now()
    order by e.due_at limit 100 for update skip locked
  loop
    -- Of two limits the shorter one counts; `least` ignores nulls.
    age_ms := (select least(c.expire_after_ms, retention_ms) from conversations c where c.id = held.conversation_id);
    if age_ms is null then
      delete from conversation_expiry e where e.conversation_id = held.conversation_id;
      continue;
    end if;
    select max(a.seq), count(*) into top, n
    from (
      select l.seq, l.sent_at from conversation_log l
      where l.conversation_id = held.conversation_id and l.seq > held.done_seq order by l.seq limit most - looked) a
    where a.sent_at <= now() - age_ms * interval '1 ms';
    looked := looked + n;
    top := coalesce(top, held.done_seq);
    update conversation_log l set mls = null, content = null, wrap = null, wrap_version = null
      where l.conversation_id = held.conversation_id and l.seq > held.done_seq and l.seq <= top
        and l.kind = 1 and l.mls is not null;
    get diagnostics n = row_count;
    dropped := dropped + n;
    delete from message_search m
      where m.conversation_id = held.conversation_id and m.seq > held.done_seq and m.seq <= top;
    next_at := (select l.sent_at from conversation_log l
      where l.conversation_id = held.conversation_id and l.seq > top order by l.seq limit 1);
    update conversation_expiry e
      set done_seq = top, limit_ms = age_ms, due_at = coalesce(next_at, now()) + age_ms * interval '1 ms'
      where e.conversation_id = held.conversation_id;
    exit when looked >= most;
  end loop;
  state := case when exists (select from conversation_expiry e where e.due_at <= now()) then 'more' else 'done' end;
end $$;
