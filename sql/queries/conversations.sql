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

/* @name updateConversation */
select u.state as "state!", u.changed as "changed!"
from update_conversation(:sessionId!, :conversationId!, :search, :expiryGiven!, :expiry) u;

/* @name conversationsOf */
-- Given `ids`, these; else a page in order of activity, newest first: those with an entry, or opened by the user.
select viewer_id as "viewerId!", id as "id!", kind as "kind!", last_seq as "lastSeq!", epoch as "epoch!", last_at as "lastAt!",
  read_seq as "readSeq!", accepted as "accepted!", unread as "unread!", members as "members!",
  search_on_server as "searchOnServer!", expire_after_ms as "expireAfterMs?"
from conversations_as_seen
where viewer_id = :userId!
  and case when :ids::text is not null then id = any (:ids::text::uuid[])
    else (last_seq > 0 or accepted)
      and (:beforeAt::timestamptz is null or (last_at, id) < (:beforeAt::timestamptz, :beforeId::uuid)) end
order by last_at desc, id desc limit :limit!;

/* @name conversationsOfMany */
-- Some conversations of some users, each as that user sees it.
select a.n as "n!", s.viewer_id as "viewerId!", s.id as "id!", s.kind as "kind!", s.last_seq as "lastSeq!", s.epoch as "epoch!",
  s.last_at as "lastAt!", s.read_seq as "readSeq!", s.accepted as "accepted!", s.unread as "unread!", s.members as "members!",
  s.search_on_server as "searchOnServer!", s.expire_after_ms as "expireAfterMs?"
from unnest(:questions!::text::integer[], :userIds!::text::uuid[], :ids!::text::uuid[]) as a (n, user_id, id)
cross join lateral (select * from conversations_as_seen v where v.viewer_id = a.user_id and v.id = a.id offset 0) s
order by s.last_at desc, s.id desc;

/* @name conversationsForAll */
-- As each of their members sees them.
select viewer_id as "viewerId!", id as "id!", kind as "kind!", last_seq as "lastSeq!", epoch as "epoch!", last_at as "lastAt!",
  read_seq as "readSeq!", accepted as "accepted!", unread as "unread!", members as "members!",
  search_on_server as "searchOnServer!", expire_after_ms as "expireAfterMs?"
from conversations_as_seen where id = any (:ids!::text::uuid[]);

/* @name changedSince */
-- Conversations in which something other than the log changed since devices were last here, `limit` for each at most.
select a.n as "n!", changed.id as "id!"
from unnest(:userIds!::text::uuid[], :sinces!::text::timestamptz[]) with ordinality as a (user_id, since, n)
cross join lateral (
  select c.id from conversation_participants me join conversations c on c.id = me.conversation_id
  where me.user_id = a.user_id and me.left_at is null and c.last_seq > 0
    and (c.changed_at > a.since or exists (
      select from conversation_participants m where m.conversation_id = c.id and m.marked_at > a.since))
  order by c.last_at desc limit :limit!::integer) changed;

/* @name audience */
-- Who may see that a member is present, writes or reads: the other members who accepted, if the member did, and no block
-- stands between them.
select o.user_id from conversation_participants me
join conversation_participants o on o.conversation_id = me.conversation_id and o.user_id <> me.user_id and o.left_at is null
where me.conversation_id = :conversationId! and me.user_id = :userId! and me.left_at is null
  and me.accepted_at is not null and o.accepted_at is not null
  and not exists (select from blocks b where (b.user_id = me.user_id and b.blocked_id = o.user_id)
    or (b.user_id = o.user_id and b.blocked_id = me.user_id));
