-- Returns: which of p_shards lanes of each queue this process appends to: processes that are there
--   together have different ones, as far as they go.
-- Index: primary key of process.
-- Locks: none.
-- Twice: the same, while nobody leaves.
create or replace function :schema.shard_of(p_process int, p_shards int) returns int
language sql stable as $$
  select count(*)::int % p_shards from :schema.process where id < p_process and not is_dead
$$
