-- Returns: nothing.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from away_key where queue = ?1 and hash = ?2
