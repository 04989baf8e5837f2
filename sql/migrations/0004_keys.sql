-- Public keys of accounts and devices, key packages, who is in which group, and what waits for single devices.

-- An append-only hash chain per account; see accountChainBytes in protocol/identity.ts.
create table account_keys (
  user_id uuid not null references users on delete cascade,
  version integer not null check (version > 0),
  key bytea not null check (octet_length(key) = 32),
  -- By the key before. Null for the first key, and for a reset, which nobody vouches for.
  signature bytea check (octet_length(signature) = 64),
  hash bytea not null check (octet_length(hash) = 32),
  created_at timestamptz not null default now(),
  primary key (user_id, version),
  -- A key that was replaced never comes back.
  unique (user_id, key)
);

-- The signature key of a device, vouched for by an account key. A device keeps its key for life: the leaves of its
-- groups name it.
create table device_keys (
  device_id uuid primary key references devices on delete cascade,
  user_id uuid not null references users on delete cascade,
  key bytea not null unique check (octet_length(key) = 32),
  cross_signature bytea not null check (octet_length(cross_signature) = 64),
  account_key_version integer not null,
  created_at timestamptz not null default now()
);
create index device_keys_user on device_keys (user_id);

create table key_packages (
  -- KeyPackageRef.
  ref bytea primary key check (octet_length(ref) = 32),
  -- The order in which they are handed out.
  number bigint generated always as identity,
  device_id uuid not null references device_keys on delete cascade,
  suite smallint not null,
  last_resort boolean not null,
  not_after timestamptz not null,
  package bytea not null
);
create index key_packages_one_time on key_packages (device_id, number) where not last_resort;
create unique index key_packages_last_resort on key_packages (device_id, suite) where last_resort;

-- Which package was handed to whom, for which conversation: only that device may add with it, once. Kept for as long as
-- the package could be valid, so that one that was handed out can't be published again.
create table key_claims (
  ref bytea not null,
  conversation_id uuid not null,
  claimer_device_id uuid not null,
  -- Whose package it is.
  device_id uuid not null,
  not_after timestamptz not null,
  used_at timestamptz,
  primary key (ref, conversation_id, claimer_device_id)
);
create index key_claims_expiry on key_claims (not_after);

-- The leaves of a conversation's current group. No reference to devices: a leaf stays until a commit removes it,
-- whatever became of its device.
create table group_members (
  conversation_id uuid not null,
  device_id uuid not null,
  leaf_index integer not null,
  -- Of the commit that put it there.
  added_seq bigint not null,
  primary key (conversation_id, device_id)
);
create index group_members_device on group_members (device_id);

-- The welcome of a commit, one for all devices it adds. Kept until each of them has it, or for 30 days.
create table welcomes (
  conversation_id uuid not null,
  seq bigint not null,
  welcome bytea not null,
  created_at timestamptz not null default now(),
  primary key (conversation_id, seq)
);
alter table welcomes alter welcome set storage external;

create table device_mailbox (
  id uuid primary key default gen_random_uuid(),
  device_id uuid not null references devices on delete cascade,
  conversation_id uuid not null,
  seq bigint not null,
  epoch bigint not null,
  created_at timestamptz not null default now()
);
create index device_mailbox_device on device_mailbox (device_id, created_at, id);
create index device_mailbox_welcome on device_mailbox (conversation_id, seq);
create index device_mailbox_age on device_mailbox (created_at);

-- A new device that wants to be linked, and what an older one of the same person sealed to it.
create table link_offers (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references users on delete cascade,
  device_id uuid not null references devices on delete cascade,
  public_key bytea not null check (octet_length(public_key) = 32),
  sealed bytea,
  expires_at timestamptz not null default now() + interval '5 minutes'
);
create index link_offers_user on link_offers (user_id);
create index link_offers_device on link_offers (device_id) where sealed is not null;

-- What a person keeps here against losing every device, sealed under a key that only that person has.
create table recovery_blobs (
  user_id uuid primary key references users on delete cascade,
  version integer not null check (version > 0),
  blob bytea not null check (octet_length(blob) between 1 and 1024 * 1024),
  -- By the account key, over recoveryBytes in protocol/identity.ts.
  signature bytea not null check (octet_length(signature) = 64),
  updated_at timestamptz not null default now()
);
alter table recovery_blobs alter blob set storage external;

-- What a session may do in a conversation with other people's devices: ok, unauthenticated (session, device or account
-- ended), not_found (not a member), forbidden (blocked).
-- Not in the language sql, which would plan it anew at each call.
create function conversation_standing(session uuid, conversation uuid) returns text language plpgsql stable as $$
begin
  return coalesce((
    select case
        when p.user_id is null then 'not_found'
        when c.kind = 'direct' and exists (
          select from conversation_participants o join blocks k on k.user_id = o.user_id and k.blocked_id = p.user_id
          where o.conversation_id = c.id and o.user_id <> p.user_id) then 'forbidden'
        else 'ok'
      end
    from sessions s
    join devices d on d.id = s.device_id and d.revoked_at is null
    join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
    left join conversation_participants p on p.conversation_id = conversation and p.user_id = s.user_id and p.left_at is null
    left join conversations c on c.id = p.conversation_id
    where s.id = session and s.ended_at is null), 'unauthenticated');
end $$;

-- Takes a commit that has been judged against the group as it was at `base`: whatever it was judged by can change only
-- together with the epoch, or is judged again here under locks.
--
-- base, next     the conversation's epochs before and after
-- fresh          true: a new group, in which the sender sits at leaf 0
-- adds, add_leaves, add_refs   the added devices, where they sit, and their key packages
--
-- state: stored, duplicate, idempotency_conflict (all with seq, epoch and sent_at), stale_epoch (with the current
-- epoch), unauthenticated, not_found, forbidden, removal_required, unclaimed (a package that this device did not claim
-- for this conversation, has used already, or whose device is gone).
-- recipients: the members' user ids, joined by commas.
--
-- Device keys are locked before the conversation, in the order in which mark_removal_required takes the two, so a device
-- that is being revoked is either seen as revoked here or found in the group there.
create function append_commit(
  session uuid, conversation uuid, client uuid, content_digest bytea, base bigint, next bigint, fresh boolean, commit bytea,
  adds uuid[], add_leaves integer[], add_refs bytea[], removes uuid[], welcome bytea,
  out state text, out seq bigint, out epoch bigint, out sent_at timestamptz, out recipients text
) language plpgsql
-- As in append_messages: the plans never scan a table, whatever its size was when they were made.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off as $$
#variable_conflict use_column
declare
  me record;
  head record;
  earlier record;
  now_ms timestamptz;
begin
  select s.user_id, s.device_id into me from sessions s where s.id = session;
  perform from device_keys k where k.device_id = any (adds || me.device_id) order by k.device_id for share;
  select c.* into head from conversations c where c.id = conversation for no key update;
  state := conversation_standing(session, conversation);
  if state = 'unauthenticated' then return; end if;

  select l.seq, l.epoch, l.sent_at, l.digest into earlier from conversation_log l
    where l.conversation_id = conversation and l.sender_device_id = me.device_id and l.client_id = client;
  if found then
    state := case when earlier.digest = content_digest then 'duplicate' else 'idempotency_conflict' end;
    seq := earlier.seq;
    epoch := earlier.epoch;
    sent_at := earlier.sent_at;
  elsif state <> 'ok' then
    return;
  elsif head.epoch <> base then
    state := 'stale_epoch';
    epoch := head.epoch;
    return;
  elsif not fresh and exists (
    select from group_members g left join devices d on d.id = g.device_id
    where g.conversation_id = conversation and g.device_id <> all (removes) and (d.id is null or d.revoked_at is not null)
  ) then
    state := 'removal_required';
    return;
  elsif cardinality(adds) <> (
    select count(*) from unnest(adds, add_refs) as a (device_id, ref)
    join key_claims k on k.ref = a.ref and k.conversation_id = conversation and k.claimer_device_id = me.device_id
      and k.device_id = a.device_id and k.used_at is null and k.not_after > now()
    join devices d on d.id = a.device_id and d.revoked_at is null
    join conversation_participants p on p.conversation_id = conversation and p.user_id = d.user_id and p.left_at is null
  ) then
    state := 'unclaimed';
    return;
  else
    state := 'stored';
    seq := head.last_seq + 1;
    epoch := next;
    now_ms := date_trunc('milliseconds', clock_timestamp());
    sent_at := greatest(head.last_at, now_ms);
    insert into conversation_log (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent,
        message_count, sent_at, digest, mls)
      values (conversation, append_commit.seq, 2, me.user_id, me.device_id, client, next, true,
        head.message_count, append_commit.sent_at, content_digest, commit);
    -- Grace for messages of the epoch before ends with a removal, and with the group.
    update conversations c set last_seq = append_commit.seq, epoch = next, last_at = append_commit.sent_at,
        removal_required = false, last_commit_at = now_ms, last_commit_removed = fresh or cardinality(removes) > 0
      where c.id = conversation;

    if fresh then
      delete from group_members g where g.conversation_id = conversation;
      insert into group_members (conversation_id, device_id, leaf_index, added_seq)
        values (conversation, me.device_id, 0, append_commit.seq);
    else
      delete from group_members g where g.conversation_id = conversation and g.device_id = any (removes);
    end if;
    if cardinality(adds) > 0 then
      update key_claims k set used_at = now()
        where k.ref = any (add_refs) and k.conversation_id = conversation and k.claimer_device_id = me.device_id;
      insert into group_members (conversation_id, device_id, leaf_index, added_seq)
        select conversation, a.device_id, a.leaf_index, append_commit.seq
        from unnest(adds, add_leaves) as a (device_id, leaf_index);
      insert into welcomes (conversation_id, seq, welcome) values (conversation, append_commit.seq, append_commit.welcome);
      insert into device_mailbox (device_id, conversation_id, seq, epoch)
        select a.device_id, conversation, append_commit.seq, next from unnest(adds) as a (device_id);
      -- What came before is encrypted to others: nothing an added device could read.
      insert into device_cursors as k (conversation_id, device_id, seq)
        select conversation, a.device_id, append_commit.seq from unnest(adds) as a (device_id) order by 2
        on conflict (conversation_id, device_id) do update set seq = excluded.seq where k.seq < excluded.seq;
    end if;
  end if;

  select string_agg(p.user_id::text, ',') into recipients from conversation_participants p
    where p.conversation_id = conversation and p.left_at is null;
end $$;

-- The part of a device's revocation that concerns encryption. Its groups refuse messages until a commit has removed it,
-- nobody can add it any more, and what waited for it is gone.
create function mark_removal_required(device uuid) returns void language plpgsql as $$
begin
  -- In the order in which keys.register takes them.
  perform from users u where u.id = (select d.user_id from devices d where d.id = device) for no key update;
  perform from device_keys k where k.device_id = device for update;
  -- Looked at only now: a commit that was adding the device held its key.
  perform from conversations c
    where c.id = any (array(select g.conversation_id from group_members g where g.device_id = device))
    order by c.id for no key update;
  update conversations c set removal_required = true
    from group_members g where g.device_id = device and c.id = g.conversation_id and not c.removal_required;
  delete from key_packages k where k.device_id = device;
  delete from device_mailbox m where m.device_id = device;
  delete from link_offers o where o.device_id = device;
end $$;

-- However a device is revoked, it happens in the same transaction.
create function device_was_revoked() returns trigger language plpgsql as $$
begin
  perform mark_removal_required(new.id);
  return null;
end $$;

create trigger device_was_revoked after update of revoked_at on devices
  for each row when (old.revoked_at is null and new.revoked_at is not null)
  execute function device_was_revoked();
