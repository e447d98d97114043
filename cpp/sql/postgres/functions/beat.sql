-- Returns: whether the process still counts as alive; writes that it is.
-- Index: primary key of process.
-- Locks: the process's row, for an instant; its commit waits for no disk.
-- Twice: harmless.
create or replace function :schema.beat(p_process int) returns boolean language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  update :schema.process set heartbeat_at = clock_timestamp() where id = p_process and not is_dead;
  return found;
end $$
