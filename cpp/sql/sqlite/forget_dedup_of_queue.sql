-- Returns: nothing; forgets the ids of a queue from a kind on.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from dedup where queue = ?1 and kind >= ?2
