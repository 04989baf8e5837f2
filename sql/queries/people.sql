/* @name listDevices */
select id, name, created_at, last_seen_at from devices where user_id = :userId! and revoked_at is null
order by created_at, id;

/* @name revokeDevice */
-- No row: it isn't this user's, or was revoked before.
update devices set revoked_at = now() where id = :deviceId! and user_id = :userId! and revoked_at is null returning name;

/* @name findContacts */
-- Whoever shares a conversation with this user, and the user; the most recent conversations first.
select distinct other.user_id from (
  select p.conversation_id from conversation_participants p join conversations c on c.id = p.conversation_id
  where p.user_id = :userId! and p.left_at is null order by c.last_at desc limit 1000) mine
join conversation_participants other on other.conversation_id = mine.conversation_id and other.left_at is null
union select :userId!::uuid
limit :max!::integer;

/* @name findProfile */
select id, username, display_name, about, avatar_type, avatar from users
where deleted_at is null and (id = :id or username = :username);

/* @name updateProfile */
-- No row: the session, device or account has ended.
update users u set
  display_name = coalesce(:displayName, u.display_name),
  about = coalesce(:about, u.about),
  avatar_type = case when :avatarGiven!::boolean then :avatarType else u.avatar_type end,
  avatar = case when :avatarGiven!::boolean then :avatar else u.avatar end
from sessions s join devices d on d.id = s.device_id and d.revoked_at is null
where s.id = :sessionId! and s.ended_at is null and u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
returning u.id, u.username, u.display_name, u.about, u.avatar_type, u.avatar;

/* @name touchConversations */
-- The most recent conversations of a person, whose members are to be told that the person is called otherwise. Locked in
-- the order in which everybody locks them.
update conversations c set changed_at = now() from (
  select k.id from conversations k where k.id in (
    select p.conversation_id from conversation_participants p join conversations o on o.id = p.conversation_id
    where p.user_id = :userId! and p.left_at is null and o.last_seq > 0 order by o.last_at desc limit :max!::integer)
  order by k.id for no key update) mine
where c.id = mine.id
returning c.id;

/* @name insertBlock */
-- No row: the session, device or account has ended. `found`: there is such a person.
with me as (
  select s.user_id from sessions s join devices d on d.id = s.device_id and d.revoked_at is null
  join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
  where s.id = :sessionId! and s.ended_at is null
), target as (select id from users where id = :blockedId! and deleted_at is null), added as (
  insert into blocks (user_id, blocked_id) select me.user_id, target.id from me, target on conflict do nothing)
select exists (select from target) as "found!" from me;

/* @name deleteBlock */
-- No row: the session, device or account has ended.
with me as (
  select s.user_id from sessions s join devices d on d.id = s.device_id and d.revoked_at is null
  join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
  where s.id = :sessionId! and s.ended_at is null
), gone as (delete from blocks b using me where b.user_id = me.user_id and b.blocked_id = :blockedId!)
select user_id from me;
