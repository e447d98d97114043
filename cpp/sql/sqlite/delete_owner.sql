-- Returns: nothing.
-- Index: primary key of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from hot where kind = 1 and id = ?1
