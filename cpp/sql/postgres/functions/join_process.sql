-- Returns: the number of a new process, which is also that of its lock. Without a lock, behind a
--   pooler, its heartbeat alone shows that it lives.
-- Index: primary key of process.
-- Locks: none; the caller takes the process's lock for its session.
-- Twice: another process.
create or replace function :schema.join_process(p_host text, p_pid int, p_has_lock boolean)
  returns int
  language sql as $$
  insert into :schema.process (host, pid, started_at, heartbeat_at, has_lock, listens)
  values (p_host, p_pid, clock_timestamp(), clock_timestamp(), p_has_lock, false)
  returning id
$$
