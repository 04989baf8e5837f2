/* @name helloDevice */
-- Judges a connection's session, device and account in one statement, and gives the connection its number.
with judged as (
  select s.id as session_id, d.id as device_id, d.last_seen_at,
    case
      when u.deleted_at is not null then 'deleted'
      when u.suspended_at is not null then 'suspended'
      when d.revoked_at is not null then 'revoked'
      when s.ended_at is not null then s.ended_reason
      else 'valid'
    end as state
  from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
  where s.id = :sessionId! and s.device_id = :deviceId! and s.user_id = :userId!
), connected as (
  update devices d set connection_no = d.connection_no + 1, last_seen_at = now()
  from judged j where d.id = j.device_id and j.state = 'valid'
  returning d.id, d.connection_no
)
select j.state as "state!", c.connection_no as "connectionNo?", j.last_seen_at as "lastSeenAt?"
from judged j left join connected c on c.id = j.device_id;

/* @name positions */
-- Where the device stands in each of its user's conversations, newest activity first.
select p.conversation_id, c.last_seq, greatest(coalesce(d.seq, p.joined_seq), p.joined_seq) as "cursor!"
from conversation_participants p
join conversations c on c.id = p.conversation_id
left join device_cursors d on d.conversation_id = p.conversation_id and d.device_id = :deviceId!
where p.user_id = :userId! and p.left_at is null
order by c.last_at desc;

/* @name position */
-- The same for one conversation.
select p.conversation_id, c.last_seq, greatest(coalesce(d.seq, p.joined_seq), p.joined_seq) as "cursor!"
from conversation_participants p
join conversations c on c.id = p.conversation_id
left join device_cursors d on d.conversation_id = p.conversation_id and d.device_id = :deviceId!
where p.user_id = :userId! and p.conversation_id = :conversationId! and p.left_at is null;

/* @name heads */
-- The heads of all conversations of some users, for the position check of many connections at once.
select p.user_id, p.conversation_id, c.last_seq
from conversation_participants p join conversations c on c.id = p.conversation_id
where p.user_id = any (:userIds!::text::uuid[]) and p.left_at is null and c.last_seq > 0;

/* @name touchDevices */
-- They are connected now. The number tells of a newer connection, also when the bus lost the word about it.
update devices set last_seen_at = now() where id = any (:deviceIds!::text::uuid[]) returning id, connection_no;
