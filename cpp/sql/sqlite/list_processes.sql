-- Returns: the other processes on the store.
-- Index: none; one row a process.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select id, boot_id, host, pid from process where id <> ?1
