-- Returns: four bytes as a number, the lowest first, as blocks hold them.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.u32(p_bytes bytea, p_at bigint) returns bigint
language sql immutable parallel safe as $$
  select get_byte(p_bytes, p_at::int) + (get_byte(p_bytes, p_at::int + 1) << 8)
         + (get_byte(p_bytes, p_at::int + 2) << 16)
         + (get_byte(p_bytes, p_at::int + 3)::bigint << 24)
$$
