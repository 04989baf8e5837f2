/* @name openDirect */
-- `state`: opened, unauthenticated, not_found (no such person), forbidden (one of the two blocked the other).
select o.state as "state!", o.conversation_id as "conversationId?", o.created as "created!"
from open_direct(:sessionId!, :otherId!) o;

/* @name acceptConversation */
update conversation_participants p set accepted_at = now(), marked_at = now()
from sessions s join users u on u.id = s.user_id
where s.id = :sessionId! and s.ended_at is null and u.suspended_at is null
  and p.conversation_id = :conversationId! and p.user_id = s.user_id and p.left_at is null and p.accepted_at is null
returning p.conversation_id;

/* @name conversationsOf */
-- Conversations as one user sees them. Given `ids`, these; else a page in order of activity, newest first: those with
-- an entry, or opened by the user.
select c.id, c.kind, c.last_seq, c.epoch, c.last_at, me.read_seq, (me.accepted_at is not null) as "accepted!",
  greatest(c.message_count - coalesce((
    select l.message_count from conversation_log l
    where l.conversation_id = c.id and l.seq = greatest(me.read_seq, me.joined_seq)), 0), 0) as "unread!",
  (select json_agg(json_build_object('userId', m.user_id, 'username', u.username, 'displayName', u.display_name,
      'deliveredSeq', case when o.shown then m.delivered_seq else 0 end,
      'readSeq', case when o.shown then m.read_seq else 0 end) order by m.user_id)
    from conversation_participants m join users u on u.id = m.user_id
    -- Marks are seen by whoever is told of them; see write_receipts.
    cross join lateral (select m.user_id = me.user_id or (me.accepted_at is not null and m.accepted_at is not null
      and not exists (select from blocks b where (b.user_id = me.user_id and b.blocked_id = m.user_id)
        or (b.user_id = m.user_id and b.blocked_id = me.user_id))) as shown) o
    where m.conversation_id = c.id and m.left_at is null) as "members!"
from conversation_participants me join conversations c on c.id = me.conversation_id
where me.user_id = :userId! and me.left_at is null
  and case when :ids::text is not null then c.id = any (:ids::text::uuid[])
    else (c.last_seq > 0 or me.accepted_at is not null)
      and (:beforeAt::timestamptz is null or (c.last_at, c.id) < (:beforeAt::timestamptz, :beforeId::uuid)) end
order by c.last_at desc, c.id desc limit :limit!;

/* @name changedSince */
-- Conversations in which something other than the log changed since a device was last here.
select c.id from conversation_participants me join conversations c on c.id = me.conversation_id
where me.user_id = :userId! and me.left_at is null and c.last_seq > 0
  and (c.changed_at > :since! or exists (
    select from conversation_participants m where m.conversation_id = c.id and m.marked_at > :since!))
order by c.last_at desc limit :limit!;

/* @name audience */
-- Who may see that a member is present, writes or reads: the other members who accepted, if the member did, and no block
-- stands between them.
select o.user_id from conversation_participants me
join conversation_participants o on o.conversation_id = me.conversation_id and o.user_id <> me.user_id and o.left_at is null
where me.conversation_id = :conversationId! and me.user_id = :userId! and me.left_at is null
  and me.accepted_at is not null and o.accepted_at is not null
  and not exists (select from blocks b where (b.user_id = me.user_id and b.blocked_id = o.user_id)
    or (b.user_id = o.user_id and b.blocked_id = me.user_id));
