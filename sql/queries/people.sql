/* @name listDevices */
select id, name, created_at, last_seen_at from devices where user_id = :userId! and revoked_at is null
order by created_at, id;

/* @name revokeDevice */
-- No row: it isn't this user's, or was revoked before.
update devices set revoked_at = now() where id = :deviceId! and user_id = :userId! and revoked_at is null returning name;

/* @name raiseDevicesVersion */
update users set keys_version = keys_version + 1 where id = :userId! returning keys_version;

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
update users set
  display_name = coalesce(:displayName, display_name),
  about = coalesce(:about, about),
  avatar_type = case when :avatarGiven!::boolean then :avatarType else avatar_type end,
  avatar = case when :avatarGiven!::boolean then :avatar else avatar end
where id = :id! and deleted_at is null
returning id, username, display_name, about, avatar_type, avatar;

/* @name insertBlock */
-- No row: there is no such person.
with target as (select id from users where id = :blockedId! and deleted_at is null), added as (
  insert into blocks (user_id, blocked_id) select :userId!, id from target on conflict do nothing)
select id from target;

/* @name deleteBlock */
delete from blocks where user_id = :userId! and blocked_id = :blockedId!;
