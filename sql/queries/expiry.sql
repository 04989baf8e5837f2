/* @name expireMessages */
select state as "state!", looked as "looked!", dropped as "dropped!" from expire_messages(:server!, :retentionMs, :most!);

/* @name trackConversations */
-- Has the next conversations after `after`, in the order of their ids, looked at when their first message is too old, or
-- at once where that was reckoned by a longer limit. No row: there are no more conversations.
with page as (
  select c.id, least(c.expire_after_ms, :retentionMs!::bigint) as limit_ms from conversations c
  where c.id > :after! order by c.id limit :most!
), tracked as (
  insert into conversation_expiry as e (conversation_id, limit_ms, due_at)
  select p.id, p.limit_ms, coalesce((
      select l.sent_at from conversation_log l where l.conversation_id = p.id order by l.seq limit 1), now())
    + p.limit_ms * interval '1 ms'
  from page p
  on conflict (conversation_id) do update set due_at = now() where e.limit_ms > excluded.limit_ms
)
select id as "last!" from page order by id desc limit 1;
