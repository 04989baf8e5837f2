/* @name insertDevice */
-- It has not been here yet: that begins with its first connection.
insert into devices (user_id, name) values (:userId!, :name!) returning id;

/* @name insertCursors */
-- A new device has nothing to catch up on but what no device of its user has yet.
insert into device_cursors (conversation_id, device_id, seq)
select conversation_id, :deviceId!, delivered_seq from conversation_participants
where user_id = :userId! and left_at is null
on conflict do nothing;

/* @name renameDevice */
update devices set name = :name! where id = :id!;

/* @name insertSession */
-- A refresh token carries the id of its session, so the id comes first.
insert into sessions (id, user_id, device_id, refresh_hash, reuse_key)
values (:id!, :userId!, :deviceId!, :refreshHash!, :reuseKey!);

/* @name findSession */
select s.id, s.user_id, s.device_id, s.refresh_hash, s.previous_hash, s.next_hash, s.next_sealed, s.reuse_key,
  s.refreshed_at, s.ended_reason, d.name as device_name, d.revoked_at, u.username, u.email, u.suspended_at, u.deleted_at
from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
where s.id = :id!;

/* @name setSuccessor */
update sessions set next_hash = :nextHash!, next_sealed = :nextSealed!, refreshed_at = now()
where id = :id! and refresh_hash = :presented! and next_hash is null and ended_at is null
returning id;

/* @name promoteSuccessor */
-- The successor was presented: it is the current one now, and has a successor of its own.
update sessions set previous_hash = refresh_hash, refresh_hash = next_hash, next_hash = :nextHash!,
  next_sealed = :nextSealed!, refreshed_at = now()
where id = :id! and next_hash = :presented! and ended_at is null
returning id;

/* @name endSession */
update sessions set ended_at = now(), ended_reason = :reason! where id = :id! and ended_at is null returning id;

/* @name endSessionsOfDevice */
update sessions set ended_at = now(), ended_reason = :reason! where device_id = :deviceId! and ended_at is null returning id;

/* @name endSessionsOfUser */
update sessions set ended_at = now(), ended_reason = :reason!
where user_id = :userId! and ended_at is null and (:except::uuid is null or id <> :except)
returning id;

/* @name findLiveSession */
-- What an access token stands on.
select s.id, u.username, u.email, u.role, u.suspended_at
from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
where s.id = :id! and s.ended_at is null and d.revoked_at is null and u.deleted_at is null;

/* @name lockCredentials */
-- No row: the password has changed since it was compared, or the account may not log in any more.
select username, email from users
where id = :id! and password_hash = :passwordHash! and suspended_at is null and deleted_at is null for share;

/* @name findDevice */
select id, name from devices where id = :id! and user_id = :userId! and revoked_at is null;
