-- Returns: how many tables, indexes, views the file has.
-- Index: none.
-- Locks: nothing; a read.
-- Twice: reads only.
select count(*) from sqlite_schema
