-- Returns: the version of the directory.
-- Index: primary key of directory.
-- Locks: none.
-- Twice: the same, while nothing new is made.
create or replace function :schema.directory_version() returns bigint language plpgsql as $$
begin
  return (select version from :schema.directory where id = 0);
end $$
