-- Returns: nothing; tells every process that listens that there may be work.
-- Index: none.
-- Locks: the server's notification queue, for the instant of its commit.
-- Twice: harmless.
create or replace function :schema.hint() returns void language sql as $$
  select pg_notify('msgq_:schema', '')
$$
