/* @name insertAudit */
insert into audit_log (actor_id, actor, action, target_id, target, origin, details)
values (:actorId, :actor!, :action!, :targetId, :target, :origin!, :details!);

/* @name listAudit */
select id, at, actor_id, actor, action, target_id, target, origin, details from audit_log
where :before::uuid is null or (at, id) < (select b.at, b.id from audit_log b where b.id = :before)
order by at desc, id desc limit :limit!::integer;

/* @name listUsers */
select id, username, email, display_name, role, suspended_at, deleted_at, created_at from users
where (:text::text is null or starts_with(username, :text) or email = :text) and (:after::text is null or username > :after)
order by username limit :limit!::integer;

/* @name findUser */
select u.id, u.username, u.email, u.display_name, u.role, u.suspended_at, u.deleted_at, u.created_at,
  (select count(*) from devices d where d.user_id = u.id and d.revoked_at is null) as "devices!",
  (select count(*) from sessions s where s.user_id = u.id and s.ended_at is null) as "sessions!",
  (select max(d.last_seen_at) from devices d where d.user_id = u.id) as "lastSeenAt?"
from users u where u.id = :id;

/* @name findUserByName */
select id from users where username = :username! and deleted_at is null;

/* @name suspendUser */
update users set suspended_at = now() where id = :id! and suspended_at is null and deleted_at is null returning username;

/* @name reinstateUser */
update users set suspended_at = null where id = :id! and suspended_at is not null returning username;

/* @name setRole */
update users set role = :role! where id = :id! and role <> :role! and deleted_at is null returning username;

/* @name lockUser */
select username from users where id = :id! and deleted_at is null for update;

/* @name liveSessionsOf */
select id from sessions where user_id = :userId! and ended_at is null;

/* @name countEverything */
select
  (select count(*) from users where deleted_at is null) as "users!",
  (select count(*) from users where suspended_at is not null and deleted_at is null) as "suspended!",
  (select count(*) from pending_registrations where expires_at > now()) as "pending!",
  (select count(*) from devices where revoked_at is null) as "devices!",
  (select count(*) from sessions where ended_at is null) as "sessions!",
  (select count(*) from conversations) as "conversations!",
  (select coalesce(sum(last_seq), 0)::bigint from conversations) as "entries!",
  (select count(*) from mail_outbox where state = 'waiting') as "mailsWaiting!",
  (select count(*) from mail_outbox where state = 'failed') as "mailsFailed!";

/* @name listFailedMails */
select id, kind, attempts, last_error, created_at, finished_at from mail_outbox where state = 'failed'
order by finished_at desc limit 100;

/* @name endedSince */
-- Sessions that can't be used any more since then, and why.
select id as "sessionId!", ended_reason as "reason!" from sessions where ended_at > :since!
union all
select s.id, 'suspended' from users u join sessions s on s.user_id = u.id and s.ended_at is null
where u.suspended_at > :since!;

/* @name databaseTime */
select now() as "now!";
