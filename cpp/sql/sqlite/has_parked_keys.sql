-- Returns: a row, when messages with keys of a queue are parked.
-- Index: parked_key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select 1 from parked where queue = ?1 and hash is not null limit 1
