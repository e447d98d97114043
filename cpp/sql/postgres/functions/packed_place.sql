-- Returns: the place of a message in the order of its key as one number.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.packed_place(p_seq bigint, p_index int) returns bigint
language sql immutable as $$
  select p_seq * 1048576 + p_index
$$
