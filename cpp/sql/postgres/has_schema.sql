-- Returns: whether the schema has its tables. By the catalog's rows: a name that was looked up in
--   vain before a lock is remembered as missing behind it.
-- Index: those of the catalog.
-- Locks: none.
-- Twice: the same.
select exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = ':schema' and c.relname = 'meta')
