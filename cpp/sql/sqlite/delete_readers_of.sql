-- Returns: nothing; a process is gone.
-- Index: none: there are as many rows as processes and queues of keys that they share.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from reader where process = ?1
