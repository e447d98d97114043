-- Returns: the name of this database and the mark of this schema: two stores have different ones,
--   but for a copy of the whole server, or one under the same database's name.
-- Index: primary key of directory.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.store_name() returns text language plpgsql stable as $$
begin
  return (select current_database() || '/' || mark from :schema.directory where id = 0);
end $$
