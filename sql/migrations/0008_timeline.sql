-- The timeline as it is now. pg_control_checkpoint(), which was asked so far, shows the old one after a promotion until
-- the first checkpoint has ended, minutes later, and until then the log went on under its old id.
create or replace function refresh_log_id() returns uuid language plpgsql as $$
declare
  here bigint := (select system_identifier from pg_control_system());
  line integer;
  answer uuid;
begin
  -- A standby can't tell yet, nor note anything. That passes, like everything that may not be written there.
  if pg_is_in_recovery() then
    raise exception 'this PostgreSQL is a standby' using errcode = 'read_only_sql_transaction';
  end if;
  line := ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::integer;
  insert into instance (system_identifier, timeline) values (here, line) on conflict (singleton) do nothing;
  update instance set log_id = gen_random_uuid(), system_identifier = here, timeline = line
    where (system_identifier, timeline) is distinct from (here, line);
  select log_id into answer from instance;
  return answer;
end $$;
