-- Returns: nothing; its queue is gone.
-- Index: primary key of reader.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from reader where subscription = ?1
