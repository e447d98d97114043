-- Returns: the statements that remove from schema $1 the functions named in the array $2, and the
--   views, tables and sequences named in $3, in an order that works.
-- Index: the catalog's.
-- Locks: none.
-- Twice: the same.
select drops.statement from (
  select 1 as place, 'drop function ' || p.oid::regprocedure as statement from pg_proc p
  where p.pronamespace = $1::regnamespace and p.proname = any ($2::text[])
  union all
  select case c.relkind when 'v' then 0 when 'r' then 2 else 3 end,
         'drop ' || case c.relkind when 'v' then 'view ' when 'r' then 'table ' else 'sequence ' end
         || c.oid::regclass
  from pg_class c
  where c.relnamespace = $1::regnamespace and c.relkind in ('v', 'r', 'S')
    and c.relname = any ($3::text[])
) as drops order by drops.place
