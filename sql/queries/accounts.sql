/* @name lockAddress */
-- Everything about one address waits for its turn, so that counts of it are exact.
select pg_advisory_xact_lock(hashtextextended(:email!, 7306)) is null as "locked!";

/* @name deleteExpiredPending */
delete from pending_registrations where expires_at <= now() and (username = :username! or email = :email!);

/* @name insertPending */
-- No row: the username is taken, or reserved by somebody else.
-- The time is read after the address was locked, so that the newest is also the last to be written.
insert into pending_registrations (username, email, password_hash, display_name, created_at)
select :username!, :email!, :passwordHash!, :displayName!, clock_timestamp()
where not exists (select from users where username = :username!)
on conflict (username) do nothing
returning id;

/* @name deleteSurplusPending */
-- Keeps the newest few of an address.
delete from pending_registrations where id in (
  select id from pending_registrations where email = :email! order by created_at desc, id desc offset :keep!::integer);

/* @name findUserIdByEmail */
select id from users where email = :email!;

/* @name findPendingByEmail */
select id, username from pending_registrations where email = :email! and expires_at > now() order by created_at desc, id desc;

/* @name findLogin */
-- Who a login name could be, accounts before registrations that wait.
select id, false as "pending!", username, email, password_hash, suspended_at from users
where (username = :login! or email = :login!) and deleted_at is null
union all
(select id, true, username, email, password_hash, null::timestamptz from pending_registrations
where (username = :login! or email = :login!) and expires_at > now() order by created_at desc, id desc limit 1)
order by 2 limit 1;

/* @name insertLinkToken */
-- Only while its mail is still to be sent: whoever ends an account's links deletes the mails first, and waits for this.
insert into link_tokens (hash, purpose, pending_id, user_id, email, expires_at)
select :hash!::bytea, :purpose!::text, :pendingId::uuid, :userId::uuid, :email::text, :expiresAt!::timestamptz
from mail_outbox m where m.id = :mailId! and m.state = 'waiting' for share of m
returning hash;

/* @name findLinkToken */
select t.purpose, t.pending_id, t.user_id, t.email as new_email, p.username as "pendingUsername?", u.username as "username?"
from link_tokens t
left join pending_registrations p on p.id = t.pending_id
left join users u on u.id = t.user_id
where t.hash = :hash! and t.expires_at > now() and (p.id is null or p.expires_at > now());

/* @name takeLinkToken */
-- Uses it up; no row if it was used before or has expired.
delete from link_tokens where hash = :hash! and expires_at > now()
returning purpose, pending_id, user_id, email as new_email;

/* @name findPending */
select email from pending_registrations where id = :id! and expires_at > now();

/* @name insertUserFromPending */
-- No row: the name or the address belongs to an account by now.
insert into users (username, email, password_hash, display_name)
select username, email, password_hash, display_name from pending_registrations where id = :id!
on conflict do nothing
returning id;

/* @name deletePendingOfEmail */
delete from pending_registrations where email = :email!;

/* @name replaceEmail */
-- Answers the address before.
update users u set email = :email! from (select id, email from users where id = :userId! for update) old
where u.id = old.id and u.deleted_at is null
returning old.email as "email?";

/* @name deleteWaitingLinks */
delete from mail_outbox where user_id = :userId! and state = 'waiting' and kind in ('reset_password', 'change_email');

/* @name findPasswordHash */
select password_hash from users where id = :id! and deleted_at is null;

/* @name replacePassword */
-- No row: it was changed meanwhile, or the account is gone. Without `before` it is set whatever it was.
update users set password_hash = :passwordHash!
where id = :id! and deleted_at is null and (:before::text is null or password_hash = :before)
returning username, email;

/* @name replaceUsername */
-- No row: somebody else's registration holds the name.
update users set username = :username!
where id = :id! and deleted_at is null
  and not exists (select from pending_registrations where username = :username! and expires_at > now())
returning id;

/* @name anonymiseUser */
-- What others keep of a deleted account: a name for the lines it wrote.
update users set deleted_at = now(), username = 'deleted_' || left(replace(gen_random_uuid()::text, '-', ''), 20),
  email = null, password_hash = null, display_name = 'Deleted account', about = '', avatar_type = null, avatar = null,
  role = 'user', presence_visible = false
where id = :id! and password_hash = :passwordHash! and deleted_at is null
returning id;

/* @name lockDeviceKeysOf */
-- Before any conversation, as a commit takes them, and all in one order: a commit that adds one of these devices either
-- is over by then or waits.
select device_id from device_keys where user_id = :userId! order by device_id for update;

/* @name lockConversationsOf */
-- Those whose groups a person's devices are in, and the most recent ones, in the order in which everybody locks them:
-- revoking the devices one after the other would have an order of its own.
select c.id from conversations c where c.id in (
  select g.conversation_id from group_members g join devices d on d.id = g.device_id where d.user_id = :userId!
  union all
  (select p.conversation_id from conversation_participants p join conversations o on o.id = p.conversation_id
  where p.user_id = :userId! and p.left_at is null and o.last_seq > 0 order by o.last_at desc limit :max!::integer))
order by c.id for no key update;

/* @name anonymiseDevices */
update devices set revoked_at = coalesce(revoked_at, now()), name = 'device', last_seen_at = null where user_id = :userId!
returning id;

/* @name deleteBlocksOf */
delete from blocks where user_id = :userId! or blocked_id = :userId!;

/* @name deleteMailsOf */
delete from mail_outbox where user_id = :userId!;

/* @name deleteLinkTokensOf */
delete from link_tokens where user_id = :userId!;

/* @name exportAccount */
select id, username, email, display_name, about, avatar_type, avatar, role, presence_visible, created_at from users where id = :id!;

/* @name exportSessions */
select s.id, d.id as device_id, d.name as device_name, d.created_at as device_created_at, d.last_seen_at, d.revoked_at,
  s.created_at, s.refreshed_at, s.ended_at, s.ended_reason
from sessions s join devices d on d.id = s.device_id where s.user_id = :userId!
order by s.created_at desc limit 1000;

/* @name exportBlocks */
select b.blocked_id, u.username, b.created_at from blocks b join users u on u.id = b.blocked_id
where b.user_id = :userId! order by b.created_at limit 10000;

/* @name exportConversations */
select c.id, c.kind, c.created_at, p.joined_seq, p.delivered_seq, p.read_seq, p.accepted_at, p.left_at
from conversation_participants p join conversations c on c.id = p.conversation_id
where p.user_id = :userId! order by c.last_at desc limit 10000;

/* @name waitForDisk */
-- An entry of the WAL that means nothing: its transaction waits for the disk, as one does that writes something.
select pg_logical_emit_message(true, 'sotto', ''::text) is not null as "waits!";
