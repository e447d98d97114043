-- Returns: nothing; the schema is of this version.
-- Index: none.
-- Locks: none. REQUIRES: the migration's lock.
-- Twice: a second row that says the same.
insert into :schema.meta (version) values ($1)
