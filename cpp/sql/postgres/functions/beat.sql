-- Returns: whether the process still counts as alive, and whether there are others that hear hints;
--   writes that it is.
-- Index: primary key of process.
-- Locks: the process's row, for an instant; its commit waits for no disk.
-- Twice: harmless.
create or replace function :schema.beat(p_process int, out is_alive boolean, out has_others boolean)
language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  update :schema.process set heartbeat_at = clock_timestamp()
    where id = p_process and not is_dead and coalesce(role, session_user) = session_user;
  is_alive := found;
  has_others := :schema.has_listeners(p_process);
end $$
