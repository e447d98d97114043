-- Returns: the first number of every advisory lock of this schema: two schemas in one database
--   never meet, as oids differ.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.space() returns int language sql stable as $$
  select ':schema'::regnamespace::oid::int
$$
