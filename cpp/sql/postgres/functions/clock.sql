-- Returns: the store's time, the only one that leases and due times obey.
-- Index: none.
-- Locks: none.
-- Twice: the same, later. Tests put a clock of their own in its place.
create or replace function :schema.clock() returns timestamptz language sql volatile as $$
  select clock_timestamp()
$$
