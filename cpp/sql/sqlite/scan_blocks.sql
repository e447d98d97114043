-- Returns: the blocks of a lane from ?1 on, below ?2, in order. `frames` stays unread until asked
--   for.
-- Index: rowid range.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select id, n, flags, checksum, frames from block where id >= ?1 and id < ?2 order by id
