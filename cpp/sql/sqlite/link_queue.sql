-- Returns: nothing; notes which log a queue writes (?2), or a subscription reads (?3).
-- Index: primary key of queue.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the same.
update queue set log = ?2, source = ?3 where id = ?1
