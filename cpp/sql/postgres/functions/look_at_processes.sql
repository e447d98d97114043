-- Returns: the other processes that may be dead: those whose lock is free (they have died, or lost
--   the session that held it), and those without a lock whose heart has not beaten for p_late_ms;
--   and for how long this session lasts: what freed the locks of living processes (a restart, a
--   crash of another backend, a failover) ended it too.
-- Index: none: processes are few.
-- Locks: the free ones' locks, shared, to the end of the statement.
-- Twice: the same; only a second look, later, proves a death (reclaim.cpp).
create or replace function :schema.look_at_processes(p_self int, p_late_ms bigint)
returns table (id int, host text, pid int, heartbeat text, up_s float8, has_lock boolean)
language sql as $$
  select p.id, p.host, p.pid, p.heartbeat_at::text,
         extract(epoch from clock_timestamp() - (
           select a.backend_start from pg_stat_activity a where a.pid = pg_backend_pid())),
         p.has_lock
  from :schema.process p
  where p.id <> p_self and not p.is_dead
    and case when p.has_lock then pg_try_advisory_xact_lock_shared(:schema.space(), p.id)
             else p.heartbeat_at < clock_timestamp() - p_late_ms * interval '1 ms' end
$$
