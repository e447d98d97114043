-- Returns: the processes that claim messages of keys of a subscription, and for how long each has
--   not said so.
-- Index: primary key of reader.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select process, ?2 - said_ms from reader where subscription = ?1
