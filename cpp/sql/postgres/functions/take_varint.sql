-- Returns: the number at p_at (seven bits a byte, low first), and where what follows it begins.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.take_varint(
  p_bytes bytea, p_at bigint, out value bigint, out next bigint)
language plpgsql immutable parallel safe as $$
declare
  v_byte int;
begin
  value := 0; next := p_at;
  for shift in 0 .. 8 loop
    v_byte := get_byte(p_bytes, next::int);
    value := value | ((v_byte & 127)::bigint << (7 * shift));
    next := next + 1;
    exit when v_byte < 128;
  end loop;
end $$
