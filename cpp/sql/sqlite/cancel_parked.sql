-- Returns: nothing.
-- Index: parked_id.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from parked where queue = ?1 and id = ?2
