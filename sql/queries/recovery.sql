/* @name accountHead */
select version, key from account_keys where user_id = :userId! order by version desc limit 1;

/* @name recoveryBlob */
select version, blob, signature from recovery_blobs where user_id = :userId!;

/* @name recoveryBlobOf */
-- No row: the session, device or account has ended. Nulls: there is no blob.
select b.version as "version?", b.blob as "blob?", b.signature as "signature?"
from sessions s join devices d on d.id = s.device_id and d.revoked_at is null
join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
left join recovery_blobs b on b.user_id = u.id
where s.id = :sessionId! and s.ended_at is null;

/* @name putRecovery */
insert into recovery_blobs as b (user_id, version, blob, signature)
values (:userId!, :version!, :blob!, :signature!)
on conflict (user_id) do update
set version = excluded.version, blob = excluded.blob, signature = excluded.signature, updated_at = now();

/* @name deleteRecovery */
delete from recovery_blobs where user_id = :userId!;

/* @name exportRecovery */
select version, octet_length(blob) as "bytes!", updated_at from recovery_blobs where user_id = :userId!;
