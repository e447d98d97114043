-- Returns: 0, of a settle whose claim is no longer open. Raises MQ006, its number as detail,
--   when it is required: then nothing of the request happens.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.refuse_lost(p_flags int, p_number int) returns int
language plpgsql as $$
begin
  if p_flags & 8 > 0 then
    raise exception using errcode = 'MQ006', message = 'a lease had ended',
      detail = (p_number - 1)::text;
  end if;
  return 0;
end $$
