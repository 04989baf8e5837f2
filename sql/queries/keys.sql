/* @name lockAccount */
-- The account and device behind a live session; holds the account's keys until the transaction ends.
select u.id as user_id, d.id as device_id
from sessions s join devices d on d.id = s.device_id join users u on u.id = s.user_id
where s.id = :sessionId! and s.ended_at is null and d.revoked_at is null and u.suspended_at is null and u.deleted_at is null
for no key update of u;

/* @name accountKeys */
select version, key, signature as "signature?", hash, created_at from account_keys where user_id = :userId! order by version;

/* @name accountKeyHeads */
select distinct on (k.user_id) k.user_id, k.version, k.hash from account_keys k
where k.user_id = any (:userIds!::text::uuid[]) order by k.user_id, k.version desc;

/* @name insertAccountKey */
insert into account_keys (user_id, version, key, signature, hash)
values (:userId!, :version!, :key!, :signature, :hash!);

/* @name deviceKey */
select key, cross_signature, account_key_version from device_keys where device_id = :deviceId!;

/* @name deviceKeys */
-- The keys of a person's devices, also of those that were revoked: whoever reads an old log meets them.
select k.device_id, k.key, k.cross_signature, k.account_key_version, k.created_at, d.revoked_at as "revokedAt?"
from device_keys k join devices d on d.id = k.device_id
where k.user_id = :userId! order by k.created_at, k.device_id;

/* @name putDeviceKey */
insert into device_keys as k (device_id, user_id, key, cross_signature, account_key_version)
values (:deviceId!, :userId!, :key!, :crossSignature!, :accountKeyVersion!)
on conflict (device_id) do update
set cross_signature = excluded.cross_signature, account_key_version = excluded.account_key_version;

/* @name raiseKeysVersion */
update users set keys_version = keys_version + 1 where id = :userId! returning keys_version;

/* @name keysVersion */
select keys_version from users where id = :userId!;

/* @name publisher */
-- The key of a live session's device.
select k.key from sessions s
join devices d on d.id = s.device_id and d.revoked_at is null
join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
left join device_keys k on k.device_id = d.id
where s.id = :sessionId! and s.ended_at is null;

/* @name lockDeviceKey */
select device_id from device_keys where device_id = :deviceId! for no key update;

/* @name deleteExpiredPackages */
delete from key_packages where device_id = :deviceId! and not_after < now();

/* @name insertPackages */
-- A package that is here already or was handed out before is left alone: publishing again after a lost reply is no error.
insert into key_packages (ref, device_id, suite, last_resort, not_after, package)
select p.ref, :deviceId!, :suite!, false, p.not_after, p.package
from unnest(:refs!::text::bytea[], :notAfters!::text::timestamptz[], :packages!::text::bytea[]) with ordinality
  as p (ref, not_after, package, n)
where not exists (select from key_claims c where c.ref = p.ref)
order by p.n
on conflict (ref) do nothing;

/* @name deleteLastResort */
delete from key_packages where device_id = :deviceId! and suite = :suite! and last_resort;

/* @name insertLastResort */
insert into key_packages (ref, device_id, suite, last_resort, not_after, package)
values (:ref!, :deviceId!, :suite!, true, :notAfter!, :package!);

/* @name countPackages */
select count(*) filter (where not last_resort) as "oneTime!", count(*) filter (where last_resort) as "lastResort!"
from key_packages where device_id = :deviceId! and not_after > now();

/* @name standing */
select conversation_standing(:sessionId!, :conversationId!) as "state!";

/* @name claimable */
-- The devices whose packages could be claimed for a conversation.
select k.device_id, k.user_id,
  exists (select from group_members g where g.conversation_id = p.conversation_id and g.device_id = k.device_id) as "inGroup!"
from conversation_participants p
join device_keys k on k.user_id = p.user_id
join devices d on d.id = k.device_id and d.revoked_at is null
where p.conversation_id = :conversationId! and p.left_at is null and k.device_id <> :deviceId!;

/* @name claimPackages */
-- One package of each device, the oldest one; the last-resort one where there is no other. Whoever claims at the same
-- time skips the rows locked here, so none is handed out twice. What expires within a day is left alone.
with wanted as (
  select k.device_id, k.user_id from device_keys k where k.device_id = any (:deviceIds!::text::uuid[])
    and (select conversation_standing(:sessionId!, :conversationId!)) = 'ok'
), pick as materialized (
  select k.ref from wanted w cross join lateral (
    select o.ref from key_packages o
    where o.device_id = w.device_id and not o.last_resort and o.suite = :suite! and o.not_after > now() + interval '1 day'
    order by o.number for update skip locked limit 1) k
), taken as (
  delete from key_packages k using pick where k.ref = pick.ref
  returning k.ref, k.device_id, k.package, k.last_resort, k.not_after
), handed as (
  select * from taken
  union all
  select k.ref, k.device_id, k.package, k.last_resort, k.not_after from wanted w
  join key_packages k on k.device_id = w.device_id and k.last_resort and k.suite = :suite!
    and k.not_after > now() + interval '1 day'
  where not exists (select from taken t where t.device_id = w.device_id)
), noted as (
  insert into key_claims as c (ref, conversation_id, claimer_device_id, device_id, not_after)
  select h.ref, :conversationId!, :claimerDeviceId!, h.device_id, h.not_after from handed h
  on conflict (ref, conversation_id, claimer_device_id) do update set used_at = null
)
select w.user_id, h.device_id as "deviceId!", h.ref as "ref!", h.package as "package!", h.last_resort as "lastResort!",
  greatest((select count(*) from key_packages o where o.device_id = h.device_id and not o.last_resort and o.not_after > now())
    - case when h.last_resort then 0 else 1 end, 0) as "left!"
from handed h join wanted w on w.device_id = h.device_id
order by w.user_id, h.device_id;

/* @name deleteExpiredClaims */
delete from key_claims where not_after < now();
