-- Returns: nothing; removes the schema when nothing is in it any more and it is ours to drop.
-- Index: none.
-- Locks: the schema.
-- Twice: changes nothing.
do $$ begin
  drop schema if exists :schema;
exception when dependent_objects_still_exist or insufficient_privilege then null;
end $$
