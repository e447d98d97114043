-- Returns: whether this session is, from now on, the one that watches the outbox.
-- Index: none.
-- Locks: number 0 of the schema, for the session, tried.
-- Twice: it stays so.
create or replace function :schema.try_watch() returns boolean language sql as $$
  select pg_try_advisory_lock(:schema.space(), 0)
$$
