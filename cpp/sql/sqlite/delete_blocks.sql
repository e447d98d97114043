-- Returns: nothing.
-- Index: rowid range.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from block where id >= ?1 and id < ?2
