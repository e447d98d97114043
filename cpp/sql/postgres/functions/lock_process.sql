-- Returns: nothing; this session shows by its lock that the process lives, or says that it has
--   none, behind a pooler. A session of the same process that the server has not yet noticed to be
--   gone is ended: it would keep the lock.
-- Index: primary key of process.
-- Locks: the process's lock, for the session; its row, when it is told otherwise than before.
-- Twice: harmless.
create or replace function :schema.lock_process(p_process int, p_has_lock boolean) returns void
language plpgsql as $$
begin
  update :schema.process set has_lock = p_has_lock where id = p_process and has_lock <> p_has_lock;
  if not p_has_lock then
    return;
  end if;
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
