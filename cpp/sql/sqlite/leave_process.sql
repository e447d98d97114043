-- Returns: nothing.
-- Index: primary key of process.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from process where id = ?1
