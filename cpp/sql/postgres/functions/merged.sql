-- Returns: the bits that were set and those that are set now, as long as the claim.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.merged(p_before varbit, p_now text, p_n int) returns varbit
language sql immutable as $$
  select rpad(p_now, p_n, '0')::varbit | coalesce(p_before, repeat('0', p_n)::varbit)
$$
