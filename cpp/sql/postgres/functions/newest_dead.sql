-- Returns: the number of the newest dead letter of all queues, 0 without one; what dies from now on
--   has a higher one.
-- Index: primary key of dead_letter.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.newest_dead() returns bigint language sql as $$
  select coalesce(max(number), 0) from :schema.dead_letter
$$
