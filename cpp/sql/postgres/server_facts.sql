-- Returns: (name, value): settings of the server that matter for msgq, as a session of this role
--   begins; who we are and what we may.
-- Index: none.
-- Locks: none.
-- Twice: the same.
select name, reset_val from pg_settings where name in (
  'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'max_connections',
  'default_transaction_isolation', 'default_transaction_read_only', 'statement_timeout',
  'lock_timeout', 'idle_session_timeout', 'transaction_timeout',
  'idle_in_transaction_session_timeout')
union all values
  ('role', current_user::text),
  ('database', current_database()::text),
  ('is_standby', pg_is_in_recovery()::text),
  ('may_create', has_database_privilege(current_database(), 'create')::text),
  ('may_use', coalesce((select has_schema_privilege(oid, 'usage')::text from pg_namespace
                        where nspname = ':schema'), 'missing')),
  ('oldest_s', (select coalesce(extract(epoch from max(clock_timestamp() - xact_start)), 0)
                       ::bigint::text from pg_stat_activity where backend_xmin is not null)),
  ('oldest_pid', (select coalesce(min(pid), 0)::text from pg_stat_activity
                  where backend_xmin is not null and xact_start = (
                    select min(xact_start) from pg_stat_activity where backend_xmin is not null))),
  ('slot_bytes', case when pg_is_in_recovery() then '0' else (
    select coalesce(max(pg_current_wal_lsn() - restart_lsn), 0)::bigint::text
    from pg_replication_slots) end),
  ('slot', (select coalesce(min(slot_name::text), '') from pg_replication_slots
            where restart_lsn = (select min(restart_lsn) from pg_replication_slots))),
  ('sees_all', pg_has_role('pg_read_all_stats', 'usage')::text),
  ('connections', (select sum(numbackends)::text from pg_stat_database))
