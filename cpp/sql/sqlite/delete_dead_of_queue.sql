-- Returns: nothing.
-- Index: dead_queue.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from dead where queue = ?1
