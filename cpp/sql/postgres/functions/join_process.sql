-- Returns: the number of a new process, which is also that of its lock.
-- Index: primary key of process.
-- Locks: none; the caller takes the process's lock for its session.
-- Twice: another process.
create or replace function :schema.join_process(p_host text, p_pid int) returns int
  language sql as $$
  insert into :schema.process (host, pid, started_at, heartbeat_at)
  values (p_host, p_pid, clock_timestamp(), clock_timestamp())
  returning id
$$
