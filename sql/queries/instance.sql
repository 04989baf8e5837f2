/* @name logId */
select refresh_log_id() as "logId!";

/* @name logsParameters */
-- Whether PostgreSQL writes the values of statements into its log.
select current_setting('log_parameter_max_length') <> '0' and (current_setting('log_statement') = 'all'
  or current_setting('log_min_duration_statement') <> '-1' or current_setting('log_min_duration_sample') <> '-1'
  or current_setting('log_transaction_sample_rate')::float8 > 0) as "logs!";

/* @name serversHere */
-- Connections for sends: a server that has none yet sees those of others.
select count(*)::integer as "connections!" from pg_stat_activity
where datname = current_database() and application_name = 'sotto append';
