-- What has ended lately, looked at every second by every server: revocation does not depend on any message arriving.
create index sessions_ended on sessions (ended_at) where ended_at is not null;
create index users_suspended on users (suspended_at) where suspended_at is not null;
