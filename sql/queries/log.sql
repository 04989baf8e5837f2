/* @name appendMessages */
select outcomes as "outcomes!", recipients as "recipients!" from append_messages(
  :locks!::text::uuid[], :wait!, :seatConversations!::text::uuid[], :seatSessions!::text::uuid[],
  :seats!::text::integer[], :places!::text::integer[], :counts!::text::integer[], :clientIds!::text::uuid[],
  :epochs!::text::bigint[], :silents!::text::boolean[], :digests!, :mls!, :contents!, :wrapVersions!::text::integer[],
  :wraps!, :searchVersions::text::integer[], :searches);

/* @name deleteMessage */
select state as "state!" from delete_message(:sessionId!, :conversationId!, :seq!);

/* @name entriesAfter */
-- At least one entry, and as many more as fit in `limit` and `maxBytes`.
select e.seq, e.kind, e.sender_id, e.sender_device_id, e.client_id, e.epoch, e.silent, e.sent_at, e.wrap_version,
  e.mls, e.content, e.wrap
from (
  select l.*, sum(coalesce(octet_length(l.mls), 0) + coalesce(octet_length(l.content), 0)) over (order by l.seq)
    - coalesce(octet_length(l.mls), 0) - coalesce(octet_length(l.content), 0) as before_bytes
  from conversation_log l
  where l.conversation_id = :conversationId! and l.seq > :after!
  order by l.seq limit :limit!
) e
where e.before_bytes < :maxBytes!::bigint order by e.seq;

/* @name backlogs */
-- The same for several conversations.
select a.n as "n!", e.seq, e.kind, e.sender_id, e.sender_device_id, e.client_id, e.epoch, e.silent, e.sent_at, e.wrap_version,
  e.mls, e.content, e.wrap
from unnest(:conversationIds!::text::uuid[], :afters!::text::bigint[]) with ordinality as a (conversation_id, after, n)
cross join lateral (
  select l.*, sum(coalesce(octet_length(l.mls), 0) + coalesce(octet_length(l.content), 0)) over (order by l.seq)
    - coalesce(octet_length(l.mls), 0) - coalesce(octet_length(l.content), 0) as before_bytes
  from (select * from conversation_log o where o.conversation_id = a.conversation_id and o.seq > a.after
    order by o.seq limit :limit!::integer) l
) e
where e.before_bytes < :maxBytes!::bigint order by a.n, e.seq;

/* @name entriesBefore */
select e.seq, e.kind, e.sender_id, e.sender_device_id, e.client_id, e.epoch, e.silent, e.sent_at, e.wrap_version,
  e.mls, e.content, e.wrap
from (
  select l.*, sum(coalesce(octet_length(l.mls), 0) + coalesce(octet_length(l.content), 0)) over (order by l.seq desc)
    - coalesce(octet_length(l.mls), 0) - coalesce(octet_length(l.content), 0) as before_bytes
  from conversation_log l
  where l.conversation_id = :conversationId! and l.seq < :before! and l.seq > :floor!
  order by l.seq desc limit :limit!
) e
where e.before_bytes < :maxBytes!::bigint order by e.seq;

/* @name readableFrom */
-- What a live session may read of a conversation: everything above `joinedSeq`. No row: not a member, or ended.
select p.joined_seq, c.last_seq
from sessions s
join devices d on d.id = s.device_id and d.revoked_at is null
join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
join conversation_participants p on p.user_id = s.user_id and p.conversation_id = :conversationId! and p.left_at is null
join conversations c on c.id = p.conversation_id
where s.id = :sessionId! and s.ended_at is null;
