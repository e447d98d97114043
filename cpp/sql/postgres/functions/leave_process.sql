-- Returns: nothing; a process that has closed its connections is no more.
-- Index: primary key of process.
-- Locks: its row.
-- Twice: changes nothing.
create or replace function :schema.leave_process(p_process int) returns void language sql as $$
  delete from :schema.process where id = p_process
$$
