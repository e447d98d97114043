-- Returns: the server's time in Unix milliseconds: by how much its clock is ahead of a client's.
-- Index: none.
-- Locks: none.
-- Twice: the same, later. Tests put another one in its place.
create or replace function :schema.clock_ms() returns bigint language sql volatile as $$
  select (extract(epoch from clock_timestamp()) * 1000)::bigint
$$
