-- Returns: whether the connection was entered; not when its process is no more, or came as another
--   role.
-- Index: primary keys of process and owner.
-- Locks: the process's row, shared.
-- Twice: an error: ids of owners are random and used once.
create or replace function :schema.open_owner(p_owner bigint, p_process int) returns boolean
language plpgsql as $$
begin
  perform 1 from :schema.process where id = p_process and not is_dead
    and coalesce(role, session_user) = session_user for share;
  if not found then
    return false;
  end if;
  insert into :schema.owner (id, process) values (p_owner, p_process);
  return true;
end $$
