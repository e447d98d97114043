-- Returns: the bytes of a damaged block.
-- Index: rowid.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select frames from quarantine where id = ?1
