-- Registrations that wait for their mail, the links in mails, the mails themselves, refresh tokens, and who did what.

-- An account that nobody has confirmed yet; `users` is written when the link is followed. Reserves its username for a
-- day. Written for a known address too (without a link that could confirm it), so that nothing tells the two apart.
create table pending_registrations (
  id uuid primary key default gen_random_uuid(),
  username text not null unique check (username = lower(username)),
  email text not null check (email = lower(email)),
  password_hash text not null,
  display_name text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '24 hours'
);
create index pending_registrations_email on pending_registrations (email, created_at);
create index pending_registrations_expiry on pending_registrations (expires_at);

-- A mail to send, written in the transaction that causes it. This table is the truth; a job queue only wakes the sender.
create table mail_outbox (
  id uuid primary key default gen_random_uuid(),
  kind text not null,
  address text not null,
  user_id uuid references users on delete cascade,
  pending_id uuid references pending_registrations on delete cascade,
  parameters jsonb not null default '{}',
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed')),
  attempts integer not null default 0,
  -- Whoever takes the mail moves this ahead, so that a killed sender delays it but doesn't lose it.
  next_try_at timestamptz not null default now(),
  last_error text,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  check ((state = 'waiting') = (finished_at is null))
) with (fillfactor = 80);
create index mail_outbox_due on mail_outbox (next_try_at) where state = 'waiting';
create index mail_outbox_finished on mail_outbox (finished_at) where state <> 'waiting';

-- The token of a link, minted when its mail is written out; only its hash is here. Using one deletes it and its kin.
create table link_tokens (
  hash bytea primary key,
  purpose text not null check (purpose in ('verify_registration', 'change_email', 'reset_password')),
  pending_id uuid references pending_registrations on delete cascade,
  user_id uuid references users on delete cascade,
  -- Of a change: the new address.
  email text,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  check ((purpose = 'verify_registration') = (pending_id is not null)),
  check ((purpose <> 'verify_registration') = (user_id is not null)),
  check ((purpose = 'change_email') = (email is not null))
);
create index link_tokens_pending on link_tokens (pending_id) where pending_id is not null;
create index link_tokens_user on link_tokens (user_id) where user_id is not null;
create index link_tokens_expiry on link_tokens (expires_at);

-- The refresh tokens of a family: the current one, its predecessor, and the one successor it was exchanged for, sealed
-- under the current one's secret so that asking again gives the same. `reuse_key` marks every token of the family, so
-- that an old one is told from a made-up one without remembering all.
alter table sessions
  add column refresh_hash bytea,
  add column previous_hash bytea,
  add column next_hash bytea,
  add column next_sealed bytea,
  add column reuse_key bytea,
  add column refreshed_at timestamptz not null default now(),
  add check ((next_hash is null) = (next_sealed is null));

-- Administrative acts. Names are kept as they were, since accounts can be renamed or deleted.
create table audit_log (
  id uuid primary key default gen_random_uuid(),
  at timestamptz not null default now(),
  actor_id uuid,
  actor text not null,
  action text not null,
  target_id uuid,
  target text,
  -- Where it came from: a client address, or `console`.
  origin text not null,
  details jsonb not null default '{}'
);
create index audit_log_time on audit_log (at, id);
create index audit_log_target on audit_log (target_id, at);
