-- Returns: nothing; makes the schema. One that is there needs no right to make schemas.
-- Index: the catalog's.
-- Locks: none that others wait for.
-- Twice: changes nothing.
do $$ begin
  if to_regnamespace(':schema') is null then
    create schema :schema;
  end if;
end $$
