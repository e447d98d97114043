-- Returns: the statements that let functions of schema $1 named in $2 act with their owner's rights
--   again, those that do now: to replace a function makes it forget that.
-- Index: the catalog's.
-- Locks: none.
-- Twice: the same.
select format('alter function %s.%I(%s) security definer set search_path = pg_catalog, pg_temp',
              $1::regnamespace, p.proname, pg_get_function_identity_arguments(p.oid))
from pg_proc p
where p.pronamespace = $1::regnamespace and p.proname = any ($2::text[]) and p.prosecdef
