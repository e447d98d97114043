-- Returns: nothing.
-- Index: primary key of process.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the value is absolute.
update process set heartbeat_ms = ?2 where id = ?1
