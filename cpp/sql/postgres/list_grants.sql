-- Returns: the statements that give roles what they need in schema $1, in an order that works: $2
--   only send, by the functions named in $5; $3 work and send; $4 look. The functions of senders
--   act with their owner's rights and are nobody's but senders' and workers'.
-- Index: the catalog's.
-- Locks: none.
-- Twice: the same.
with role as (
  select name, 'producer' as kind from unnest($2::text[]) as name
  union all select name, 'worker' from unnest($3::text[]) as name
  union all select name, 'viewer' from unnest($4::text[]) as name
), sending as (
  select format('%s.%I(%s)', $1::regnamespace, p.proname,
                pg_get_function_identity_arguments(p.oid)) as name
  from pg_proc p
  where p.pronamespace = $1::regnamespace and p.proname = any ($5::text[])
), relation as (
  select format('%s.%I', $1::regnamespace, c.relname) as name, c.relkind, c.relname from pg_class c
  where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'v', 'S')
), made as (
  select 1 as place,
         format('grant usage on schema %s to %I', $1::regnamespace, name) as statement
  from role
  union all
  select 2, format('alter function %s security definer set search_path = pg_catalog, pg_temp', name)
  from sending where exists (select from role where kind = 'producer')
  union all
  select 3, format('revoke execute on function %s from public', name)
  from sending where exists (select from role where kind = 'producer')
  union all
  select 4, format('grant execute on function %s to %I', s.name, r.name)
  from sending s, role r where r.kind in ('producer', 'worker')
  union all
  select 5, format('grant select on %s to %I', t.name, r.name)
  from relation t, role r
  where t.relkind in ('r', 'v') and (r.kind <> 'producer' or t.relname = 'meta')
  union all
  select 6, format('grant insert, update, delete on %s to %I', t.name, r.name)
  from relation t, role r where r.kind = 'worker' and t.relkind = 'r' and t.relname <> 'meta'
  union all
  select 7, format('grant usage on sequence %s to %I', t.name, r.name)
  from relation t, role r where r.kind = 'worker' and t.relkind = 'S'
)
select statement from made order by place, statement
