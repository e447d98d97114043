-- Returns: bytes read as UTF-8; null where they are something else.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.as_text(p_bytes bytea) returns text
language plpgsql immutable strict as $$
begin
  return convert_from(p_bytes, 'UTF8');
exception when others then
  return null;
end $$
