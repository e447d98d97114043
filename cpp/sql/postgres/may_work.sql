-- Returns: whether this role may claim, or send only.
-- Index: the catalog's.
-- Locks: none.
-- Twice: the same.
select has_table_privilege(':schema.claim', 'insert')::int
