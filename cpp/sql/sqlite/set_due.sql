-- Returns: nothing.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the same.
update parked set due_ms = ?2 where number = ?1
