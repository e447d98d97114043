-- Returns: the other processes whose lock is free: they have died, or lost the session that held it.
-- Index: none: processes are few.
-- Locks: the free ones' locks, shared, to the end of the statement.
-- Twice: the same; only a second look, a second later, proves a death (transport/postgres/reclaim.cpp).
create or replace function :schema.look_at_processes(p_self int)
returns table (id int, host text, pid int, heartbeat text, up_s float8) language sql as $$
  select p.id, p.host, p.pid, p.heartbeat_at::text,
         extract(epoch from clock_timestamp() - pg_postmaster_start_time())
  from :schema.process p
  where p.id <> p_self and pg_try_advisory_xact_lock_shared(:schema.space(), p.id)
$$
