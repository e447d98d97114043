-- Returns: a text read as JSON; null where it is something else, or no text.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.as_json(p_text text) returns jsonb
language plpgsql immutable strict as $$
begin
  return nullif(p_text, '')::jsonb;
exception when others then
  return null;
end $$
