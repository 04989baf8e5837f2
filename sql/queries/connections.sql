/* @name helloDevices */
-- Judges the sessions, devices and accounts of connections, and gives each connection its number. A device occurs once. When
-- it was last seen is not written: only who is let in and told everything has been here.
-- Rows are locked in id order, so that two batches can't deadlock.
-- One after the other by index (`offset 0`): left to choose, PostgreSQL reads all sessions there are, until there are very many.
with judged as (
  select a.n, one.device_id, one.last_seen_at, one.state
  from unnest(:sessionIds!::text::uuid[], :deviceIds!::text::uuid[], :userIds!::text::uuid[])
    with ordinality as a (session_id, device_id, user_id, n)
  cross join lateral (
    select d.id as device_id, d.last_seen_at,
      case
        when u.deleted_at is not null then 'deleted'
        when u.suspended_at is not null then 'suspended'
        when d.revoked_at is not null then 'revoked'
        when s.ended_at is not null then s.ended_reason
        else 'valid'
      end as state
    from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
    where s.id = a.session_id and s.device_id = a.device_id and s.user_id = a.user_id offset 0) one
), locked as (
  select d.id, j.n, j.last_seen_at from judged j join devices d on d.id = j.device_id
  where j.state = 'valid' order by d.id for no key update of d
), connected as (
  update devices d set connection_no = d.connection_no + 1
  from locked l where d.id = l.id
  returning l.n, d.connection_no, l.last_seen_at
)
select n as "n!", 'valid' as "state!", connection_no as "connectionNo?", last_seen_at as "lastSeenAt?" from connected
union all
select n, state, null, null from judged where state <> 'valid';

/* @name positions */
-- Where devices stand in each of their users' conversations, newest activity first.
select a.n as "n!", mine.conversation_id, mine.last_seq, mine.cursor as "cursor!"
from unnest(:userIds!::text::uuid[], :deviceIds!::text::uuid[]) with ordinality as a (user_id, device_id, n)
cross join lateral (
  select p.conversation_id, c.last_seq, c.last_at, greatest(coalesce(d.seq, p.joined_seq), p.joined_seq) as cursor
  from conversation_participants p join conversations c on c.id = p.conversation_id
  left join device_cursors d on d.conversation_id = p.conversation_id and d.device_id = a.device_id
  where p.user_id = a.user_id and p.left_at is null offset 0) mine
order by mine.last_at desc;

/* @name position */
-- The same for one conversation.
select p.conversation_id, c.last_seq, greatest(coalesce(d.seq, p.joined_seq), p.joined_seq) as "cursor!"
from conversation_participants p
join conversations c on c.id = p.conversation_id
left join device_cursors d on d.conversation_id = p.conversation_id and d.device_id = :deviceId!
where p.user_id = :userId! and p.conversation_id = :conversationId! and p.left_at is null;

/* @name heads */
-- The heads of all conversations of some users, for the position check of many connections at once.
-- User by user, by index: left to choose, PostgreSQL believed statistics from before the first messages (`last_seq > 0`:
-- nobody) and looked every user up once for each conversation there is, for eight seconds.
select u.user_id as "userId!", p.conversation_id, c.last_seq
from unnest(:userIds!::text::uuid[]) as u (user_id)
cross join lateral (
  select p.conversation_id from conversation_participants p
  where p.user_id = u.user_id and p.left_at is null offset 0
) p
cross join lateral (
  select c.last_seq from conversations c where c.id = p.conversation_id and c.last_seq > 0 offset 0
) c;

/* @name touchDevices */
-- When devices were last here; of a deleted account nothing is written any more. The number tells of a newer connection, also when the bus lost the word about it.
with asked as (select unnest(:deviceIds!::text::uuid[]) as id),
  locked as (select id from devices where id = any (:heard!::text::uuid[]) and revoked_at is null order by id for no key update),
  touched as (update devices d set last_seen_at = now() from locked l where d.id = l.id)
select d.id, d.connection_no from asked join devices d on d.id = asked.id;
