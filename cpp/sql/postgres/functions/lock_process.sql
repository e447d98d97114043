-- Returns: nothing; this session shows by its lock that the process lives. A session of the same
--   process that the server has not yet noticed to be gone is ended: it would keep the lock.
-- Index: none.
-- Locks: the process's lock, for the session.
-- Twice: harmless.
create or replace function :schema.lock_process(p_process int) returns void language plpgsql as $$
begin
  if pg_try_advisory_lock(:schema.space(), p_process) then
    return;
  end if;
  perform pg_terminate_backend(l.pid) from pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 2 and l.mode = 'ExclusiveLock' and l.granted
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
      and l.classid = ':schema'::regnamespace::oid and l.objid = p_process::oid
      and l.pid <> pg_backend_pid();
  perform pg_advisory_lock(:schema.space(), p_process);
end $$
