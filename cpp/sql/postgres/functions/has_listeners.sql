-- Returns: whether there are other processes that hear hints.
-- Index: none: there are as many rows as processes.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.has_listeners(p_process int) returns boolean
language plpgsql stable as $$
begin
  return exists (
    select 1 from :schema.process where id <> p_process and not is_dead and listens);
end $$
