-- Returns: nothing; gives a queue another name.
-- Index: primary key of queue.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the same.
update queue set name = ?2 where id = ?1
