-- Returns: nothing; this session shows by its lock that the process lives.
-- Index: none.
-- Locks: the process's lock, for the session.
-- Twice: harmless.
create or replace function :schema.lock_process(p_process int) returns void language sql as $$
  select pg_advisory_lock(:schema.space(), p_process)
$$
