-- What becomes of messages after they were stored.

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
  end if;
end $$;
