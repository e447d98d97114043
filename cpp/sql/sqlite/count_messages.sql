-- Returns: how many messages are in the first ?3 blocks of a lane from ?1 on, below ?2.
-- Index: rowid range; leaf pages only.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select ifnull(sum(n), 0) from (
  select n from block where id >= ?1 and id < ?2 order by id limit ?3)
