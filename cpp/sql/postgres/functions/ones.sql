-- Returns: how many bits are set; 0 for null.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.ones(p_bits varbit) returns int language sql immutable as $$
  select coalesce(length(replace(p_bits::text, '0', '')), 0)
$$
