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
