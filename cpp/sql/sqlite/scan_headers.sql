-- Returns: the headers of the blocks of a lane from ?1 on, below ?2, in order.
-- Index: rowid range; leaf pages only.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select id, n, first_id, last_id, at_ms from block where id >= ?1 and id < ?2 order by id
