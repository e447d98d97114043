-- Returns: nothing.
-- Index: range of kind 1 in hot: one row a connection.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from hot where kind = 1 and process = ?1
