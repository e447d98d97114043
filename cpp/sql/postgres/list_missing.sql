-- Returns: names among the functions $2 and the tables, views and sequences $3 that are not in
--   schema $1, joined by commas; '' when nothing is missing, or the schema is not there.
-- Index: the catalog's.
-- Locks: none.
-- Twice: the same.
select coalesce(string_agg(n.name, ', ' order by n.name), '')
from (
  select f.name from unnest($2::text[]) as f(name)
  where not exists (select from pg_proc p where p.pronamespace = to_regnamespace($1)
                    and p.proname = f.name)
  union
  select r.name from unnest($3::text[]) as r(name)
  where not exists (select from pg_class c where c.relnamespace = to_regnamespace($1)
                    and c.relname = r.name and c.relkind in ('r', 'v', 'S'))
) as n
where to_regnamespace($1) is not null
