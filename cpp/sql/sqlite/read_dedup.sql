-- Returns: message and digest of a dedup id that is still remembered.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select message, digest from dedup where queue = ?1 and id = ?2 and until_ms > ?3
