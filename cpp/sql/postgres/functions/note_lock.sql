-- Returns: nothing; says whether the process shows by a lock that it lives, or, behind a pooler, by
--   its heartbeat alone. Nothing is believed of a process whose lock another session
--   holds, or that came as another role.
-- Index: primary key of process.
-- Locks: the process's row, when it is told otherwise than before.
-- Twice: harmless.
create or replace function :schema.note_lock(p_process int, p_has_lock boolean) returns void
language sql as $$
  update :schema.process set has_lock = p_has_lock
  where id = p_process and has_lock <> p_has_lock and coalesce(role, session_user) = session_user
    and not exists (
    select 1 from pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 2 and l.granted
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
      and l.classid = :schema.space()::oid and l.objid = p_process::oid
      and l.pid <> pg_backend_pid())
$$
