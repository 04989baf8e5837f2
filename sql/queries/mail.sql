/* @name insertMail */
insert into mail_outbox (kind, address, user_id, pending_id, parameters)
values (:kind!, :address!, :userId, :pendingId, :parameters!)
returning id;

/* @name takeDueMail */
-- Takes what is due, or one mail of it, and keeps others away from it for the lease.
with taken as (
  update mail_outbox set attempts = attempts + 1, next_try_at = now() + :leaseMs!::integer * interval '1 ms'
  where id in (
    select id from mail_outbox
    where state = 'waiting' and next_try_at <= now() and (:id::uuid is null or id = :id)
    order by next_try_at limit :max!::integer for update skip locked)
  returning id, kind, address, user_id, pending_id, parameters, attempts, created_at
)
select * from taken order by created_at, id;

/* @name markMailSent */
update mail_outbox set state = 'sent', finished_at = now(), last_error = null where id = :id! and state = 'waiting';

/* @name markMailFailed */
update mail_outbox set state = 'failed', finished_at = now(), last_error = :error! where id = :id! and state = 'waiting';

/* @name delayMail */
update mail_outbox set next_try_at = now() + :delayMs!::integer * interval '1 ms', last_error = :error!
where id = :id! and state = 'waiting';

/* @name findMailSubject */
select coalesce(u.username, p.username) as "username?"
from mail_outbox m
left join users u on u.id = m.user_id
left join pending_registrations p on p.id = m.pending_id
where m.id = :id!;

/* @name countWaitingMail */
select count(*) as "waiting!" from mail_outbox where state = 'waiting';
