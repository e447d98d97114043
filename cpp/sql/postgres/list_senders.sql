-- Returns: the roles that may only send, by functions of schema $1 named in $2 that act with their
--   owner's rights, and those that may call these besides: a function that is replaced or new has
--   to be given to them again.
-- Index: the catalog's.
-- Locks: none.
-- Twice: the same.
select distinct r.rolname
from pg_proc p cross join lateral aclexplode(p.proacl) a join pg_roles r on r.oid = a.grantee
where p.pronamespace = $1::regnamespace and p.proname = any ($2::text[]) and p.prosecdef
  and a.grantee <> p.proowner
