-- People, their devices and sessions, conversations and their logs.
-- Every table of a conversation leads its primary key with conversation_id, so that it can be hash-partitioned or
-- distributed by that column without a change to a query. No serial is ever used as a cursor.

create table instance (
  singleton boolean primary key default true check (singleton),
  -- Names this incarnation of the database; clients drop their positions when it changes.
  log_id uuid not null default gen_random_uuid(),
  -- What a restored copy or a promoted standby differs in; see `refresh_log_id`.
  system_identifier bigint not null,
  timeline integer not null
);

create table users (
  id uuid primary key default gen_random_uuid(),
  username text not null unique check (username = lower(username)),
  -- Null once the account is deleted.
  email text unique check (email = lower(email)),
  password_hash text,
  display_name text not null,
  about text not null default '',
  avatar_type text,
  avatar bytea check (octet_length(avatar) <= 32768),
  role text not null default 'user' check (role in ('user', 'admin')),
  presence_visible boolean not null default false,
  -- Counts changes of this user's devices and keys.
  keys_version integer not null default 0,
  suspended_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now()
);

create table devices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references users on delete cascade,
  name text not null,
  -- Raised by every hello; a connection with a lower number is displaced.
  connection_no bigint not null default 0,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz,
  revoked_at timestamptz
) with (fillfactor = 80);
create index devices_user on devices (user_id);

-- A refresh token family. Ending it kills its tokens; revoking a device ends all of its sessions in the same transaction.
create table sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references users on delete cascade,
  device_id uuid not null references devices on delete cascade,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  ended_reason text check (ended_reason in ('logged_out', 'revoked', 'password_changed', 'token_reuse', 'deleted')),
  check ((ended_at is null) = (ended_reason is null))
) with (fillfactor = 80);
create index sessions_user on sessions (user_id) where ended_at is null;
create index sessions_device on sessions (device_id);

create table blocks (
  user_id uuid not null references users on delete cascade,
  blocked_id uuid not null references users on delete cascade,
  created_at timestamptz not null default now(),
  primary key (user_id, blocked_id)
);

create table conversations (
  -- Of a direct conversation: derived from its two users, so that opening it twice finds the same row.
  id uuid primary key,
  kind text not null check (kind in ('direct', 'group')),
  last_seq bigint not null default 0,
  epoch bigint not null default 0,
  -- Entries that count as unread, over the whole log.
  message_count bigint not null default 0,
  last_at timestamptz not null default date_trunc('milliseconds', now()),
  -- When something other than the log and the marks changed.
  changed_at timestamptz not null default now(),
  -- Set when a device in the group was revoked; sends are refused until a Remove is committed.
  removal_required boolean not null default false,
  last_commit_at timestamptz,
  last_commit_removed boolean not null default false,
  -- The members' devices may store blind search tags and ask by them.
  search_on_server boolean not null default false,
  -- The ciphertext of messages older than this is dropped; null: never.
  expire_after_ms bigint check (expire_after_ms >= 60000),
  created_at timestamptz not null default now()
) with (fillfactor = 70);

create table conversation_participants (
  conversation_id uuid not null references conversations on delete cascade,
  user_id uuid not null references users,
  -- The head of the log when this user joined; nothing up to it is theirs to read.
  joined_seq bigint not null default 0,
  delivered_seq bigint not null default 0,
  read_seq bigint not null default 0,
  -- Null while the conversation is a stranger's request.
  accepted_at timestamptz,
  left_at timestamptz,
  -- When the marks last rose, told to devices that were away.
  marked_at timestamptz not null default now(),
  primary key (conversation_id, user_id),
  check (read_seq <= delivered_seq)
) with (fillfactor = 70);
create index conversation_participants_user on conversation_participants (user_id);

create table conversation_log (
  conversation_id uuid not null,
  seq bigint not null,
  kind smallint not null check (kind in (1, 2)), -- 1 message, 2 commit
  sender_id uuid not null,
  sender_device_id uuid not null,
  client_id uuid not null,
  -- Of a message: the epoch it was encrypted in. Of a commit: the epoch it leads to.
  epoch bigint not null,
  silent boolean not null,
  -- How many entries up to and including this one count as unread.
  message_count bigint not null,
  sent_at timestamptz not null,
  -- SHA-256 over what the sender gave; tells a retry from a reuse of the client id.
  digest bytea not null,
  wrap_version integer,
  mls bytea,
  content bytea,
  wrap bytea,
  primary key (conversation_id, seq)
);
create unique index conversation_log_client on conversation_log (conversation_id, sender_device_id, client_id);
-- Ciphertext doesn't compress; trying would only cost time.
alter table conversation_log alter mls set storage external, alter content set storage external;

create table device_cursors (
  conversation_id uuid not null,
  device_id uuid not null references devices on delete cascade,
  seq bigint not null,
  primary key (conversation_id, device_id)
) with (fillfactor = 70);

-- The identity of the running database: differs in a restored dump (system identifier) and after a recovery to a
-- point in time or a promotion (timeline). A new one gets a new log id, at most once however many servers ask.
create function refresh_log_id() returns uuid language plpgsql as $$
declare
  here bigint := (select system_identifier from pg_control_system());
  line integer := (select timeline_id from pg_control_checkpoint());
  answer uuid;
begin
  insert into instance (system_identifier, timeline) values (here, line) on conflict (singleton) do nothing;
  update instance set log_id = gen_random_uuid(), system_identifier = here, timeline = line
    where (system_identifier, timeline) is distinct from (here, line);
  select log_id into answer from instance;
  return answer;
end $$;

-- The id of the direct conversation of two users, the same from both sides (a version 8 UUID).
create function direct_conversation_id(a uuid, b uuid) returns uuid language sql immutable strict as $$
  select overlay(overlay(encode(substr(sha256(uuid_send(least(a, b)) || uuid_send(greatest(a, b))), 1, 16), 'hex')
    placing '8' from 13) placing '8' from 17)::uuid
$$;
