-- Returns: the due time of a parked message that waits for those before it of its key
--   (kHeldBack).
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.held_back() returns timestamptz language sql immutable as $$
  select timestamptz '9999-12-31 23:59:59+00'
$$
