-- Returns: nothing; says whether the process hears hints. Those that only send do not: the server
--   would wake every one of them for every hint.
-- Index: primary key of process.
-- Locks: the process's row, when it is told otherwise than before.
-- Twice: harmless.
create or replace function :schema.note_listens(p_process int, p_listens boolean) returns void
language sql as $$
  update :schema.process set listens = p_listens
  where id = p_process and listens <> p_listens and coalesce(role, session_user) = session_user
$$
