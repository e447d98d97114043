-- Returns: the size of the schema's tables and indexes on disk, in bytes.
-- Index: none.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.store_bytes() returns bigint language sql as $$
  select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
  from pg_class c where c.relnamespace = ':schema'::regnamespace and c.relkind in ('r', 'S')
$$
