-- Returns: the schema's version.
-- Index: none: a row a migration.
-- Locks: none.
-- Twice: the same, while nobody migrates.
select max(version) from :schema.meta
