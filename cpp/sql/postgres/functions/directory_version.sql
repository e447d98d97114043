-- Returns: the newest number of a queue, subscription, lane, cursor or process.
-- Index: none.
-- Locks: none.
-- Twice: the same, while nothing new is made.
create or replace function :schema.directory_version() returns bigint language sql as $$
  select last_value from :schema.number
$$
