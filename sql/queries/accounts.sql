/* @name lockAddress */
-- Everything about one address waits for its turn, so that counts of it are exact.
select pg_advisory_xact_lock(hashtextextended(:email!, 7306)) is null as "locked!";

/* @name deleteExpiredPending */
delete from pending_registrations where expires_at <= now() and (username = :username! or email = :email!);

/* @name insertPending */
-- No row: the username is taken, or reserved by somebody else.
insert into pending_registrations (username, email, password_hash, display_name)
select :username!, :email!, :passwordHash!, :displayName!
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
insert into link_tokens (hash, purpose, pending_id, user_id, email, expires_at)
values (:hash!, :purpose!, :pendingId, :userId, :email, :expiresAt!);

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

/* @name deleteLinkTokens */
delete from link_tokens where user_id = :userId! and purpose = :purpose!;
