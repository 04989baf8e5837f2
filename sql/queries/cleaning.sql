/* @name deleteExpiredRegistrations */
delete from pending_registrations where id in (
  select id from pending_registrations where expires_at < now() limit :limit!);

/* @name deleteExpiredLinks */
delete from link_tokens where hash in (select hash from link_tokens where expires_at < now() limit :limit!);

/* @name deleteFinishedMails */
delete from mail_outbox where id in (
  select id from mail_outbox where state <> 'waiting' and finished_at < now() - interval '30 days' limit :limit!);

/* @name unusedDevices */
select d.id, d.user_id from devices d
where d.revoked_at is null and coalesce(d.last_seen_at, d.created_at) < now() - :unusedDays!::integer * interval '1 day'
  and not exists (select from sessions s where s.device_id = d.id and s.refreshed_at > now() - :unusedDays!::integer * interval '1 day')
order by d.id limit :limit!;

/* @name lockUserOfDevice */
-- Before the device, in the order in which everybody locks the two.
select u.id from users u where u.id = :userId! for no key update;

/* @name revokeUnusedDevice */
-- Revoking fires the trigger that has the device removed from its groups; its sessions end in the same statement. No row:
-- it was used or revoked meanwhile.
with revoked as (
  update devices d set revoked_at = now()
  where d.id = :id! and d.revoked_at is null
    and coalesce(d.last_seen_at, d.created_at) < now() - :unusedDays!::integer * interval '1 day'
    and not exists (select from sessions s where s.device_id = d.id and s.refreshed_at > now() - :unusedDays!::integer * interval '1 day')
  returning d.id, d.user_id
), ended as (
  update sessions s set ended_at = now(), ended_reason = 'revoked' from revoked r where s.device_id = r.id and s.ended_at is null
), raised as (
  update users set keys_version = keys_version + 1 where id in (select user_id from revoked) returning keys_version
)
select keys_version as "version!" from raised;
