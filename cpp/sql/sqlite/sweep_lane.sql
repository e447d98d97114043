-- Returns: nothing; deletes up to ?3 blocks of a lane from ?1 on, below ?2, which is below every
--   claim and position.
-- Index: rowid range.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes the next ones.
delete from block where id in (select id from block where id >= ?1 and id < ?2 order by id limit ?3)
