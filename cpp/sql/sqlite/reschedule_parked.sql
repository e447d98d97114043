-- Returns: nothing.
-- Index: parked_id.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the same.
update parked set due_ms = ?3 where queue = ?1 and id = ?2
