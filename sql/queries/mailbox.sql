/* @name waiting */
-- What devices should look at besides the logs; package counts stop at `enough`.
select a.n as "n!",
  (select count(*) from (
    select from key_packages k where k.device_id = a.device_id and not k.last_resort and k.not_after > now()
    limit :enough!::integer) counted) as "oneTime!",
  exists (select from device_keys k where k.device_id = a.device_id) as "registered!",
  exists (select from device_mailbox m where m.device_id = a.device_id) as "welcomes!",
  exists (select from link_offers o where o.device_id = a.device_id and o.sealed is not null and o.expires_at > now()) as "links!"
from unnest(:deviceIds!::text::uuid[]) with ordinality as a (device_id, n);

/* @name welcomesOf */
-- The oldest welcomes that a device has not acknowledged, without those in `except`.
select m.id, m.conversation_id, m.seq, m.epoch, w.welcome
from device_mailbox m join welcomes w on w.conversation_id = m.conversation_id and w.seq = m.seq
where m.device_id = :deviceId! and m.id <> all (:except!::text::uuid[]) and m.created_at > now() - interval '30 days'
order by m.created_at, m.id limit :limit!;

/* @name acknowledgeWelcome */
-- Deletes the welcome itself with the last device that waited for it.
with gone as (
  delete from device_mailbox where id = :id! and device_id = :deviceId! returning id, conversation_id, seq
), freed as (
  delete from welcomes w using gone g
  where w.conversation_id = g.conversation_id and w.seq = g.seq and not exists (
    select from device_mailbox o where o.conversation_id = g.conversation_id and o.seq = g.seq and o.id <> g.id)
)
select id from gone;

/* @name devicesWithMail */
-- Welcomes, and answers to offers: the word about either can be lost.
select device_id as "deviceId!" from device_mailbox where device_id = any (:deviceIds!::text::uuid[])
union
select device_id from link_offers where device_id = any (:deviceIds!::text::uuid[]) and sealed is not null and expires_at > now();

/* @name deleteOldWelcomes */
delete from welcomes w where w.created_at < now() - interval '30 days'
  or not exists (select from device_mailbox m where m.conversation_id = w.conversation_id and m.seq = w.seq);

/* @name deleteOldMail */
delete from device_mailbox where created_at < now() - interval '30 days';

/* @name openOffers */
-- Offers of a person that are not answered yet. Forgets older ones.
with old as (delete from link_offers where user_id = :userId! and expires_at <= now())
select count(*) as "open!", min(expires_at) as "until?" from link_offers
where user_id = :userId! and sealed is null and expires_at > now();

/* @name offerLink */
insert into link_offers (user_id, device_id, public_key)
select s.user_id, s.device_id, :publicKey! from sessions s
join devices d on d.id = s.device_id and d.revoked_at is null
join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
where s.id = :sessionId! and s.ended_at is null
returning id, expires_at;

/* @name acceptLink */
-- By another device of the same person, once: the same answer may come again.
update link_offers o set sealed = :sealed!
from sessions s
join devices d on d.id = s.device_id and d.revoked_at is null
join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
where s.id = :sessionId! and s.ended_at is null
  and o.id = :linkId! and o.user_id = s.user_id and o.device_id <> s.device_id
  and (o.sealed is null or o.sealed = :sealed!) and o.expires_at > now()
returning o.device_id;

/* @name sealedLinks */
select id, sealed as "sealed!" from link_offers where device_id = :deviceId! and sealed is not null and expires_at > now();

/* @name deleteOldOffers */
delete from link_offers where expires_at < now();
