/* @name setPresenceVisible */
-- Nothing if the session has ended.
update users u set presence_visible = :visible!
from sessions s where s.id = :sessionId! and s.user_id = u.id and s.ended_at is null
returning u.id;

/* @name visibleAmong */
select id from users
where id = any (:userIds!::text::uuid[]) and presence_visible and suspended_at is null and deleted_at is null;

/* @name presenceAudience */
-- Who may see which of these users: people with whom they share a conversation that both accepted, without a block
-- between them; the most recent conversations first.
select seen.user_id, o.user_id as viewer_id from unnest(:userIds!::text::uuid[]) as seen (user_id)
cross join lateral (
  select distinct other.user_id from (
    select p.conversation_id from conversation_participants p join conversations c on c.id = p.conversation_id
    where p.user_id = seen.user_id and p.left_at is null and p.accepted_at is not null
    order by c.last_at desc limit :conversations!::integer) mine
  join conversation_participants other on other.conversation_id = mine.conversation_id
    and other.user_id <> seen.user_id and other.left_at is null and other.accepted_at is not null
  where not exists (select from blocks b where (b.user_id = seen.user_id and b.blocked_id = other.user_id)
    or (b.user_id = other.user_id and b.blocked_id = seen.user_id))
) o;
