-- Returns: the i-th piece of what was sent as one, by the ends of the pieces.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.slice(p_all bytea, p_ends int[], p_i int) returns bytea
language sql immutable as $$
  select substring(p_all from coalesce(p_ends[p_i - 1], 0) + 1
                   for p_ends[p_i] - coalesce(p_ends[p_i - 1], 0))
$$
