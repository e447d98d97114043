-- Returns: one block, as scan_blocks gives it.
-- Index: rowid.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select id, n, flags, checksum, frames from block where id = ?1
