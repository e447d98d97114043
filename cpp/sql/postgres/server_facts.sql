-- Returns: (name, value): settings of the server that matter for msgq, who we are and what we may.
-- Index: none.
-- Locks: none.
-- Twice: the same.
select name, setting from pg_settings where name in (
  'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'max_connections',
  'default_transaction_isolation', 'default_transaction_read_only', 'statement_timeout',
  'lock_timeout', 'idle_session_timeout', 'transaction_timeout')
union all values
  ('role', current_user::text),
  ('database', current_database()::text),
  ('is_standby', pg_is_in_recovery()::text),
  ('may_create', has_database_privilege(current_database(), 'create')::text),
  ('may_use', coalesce((select has_schema_privilege(oid, 'usage')::text from pg_namespace
                        where nspname = ':schema'), 'missing')),
  ('connections', (select count(*)::text from pg_stat_activity
                   where backend_type = 'client backend'))
