-- Returns: the name of this database and the mark of this schema: two stores have different ones,
--   also where one database was copied to another.
-- Index: primary key of directory.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.store_name() returns text language sql stable as $$
  select current_database() || '/' || mark from :schema.directory where id = 0
$$
