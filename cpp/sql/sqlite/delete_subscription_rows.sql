-- Returns: nothing.
-- Index: none; the table is small.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from subscription where queue = ?1
