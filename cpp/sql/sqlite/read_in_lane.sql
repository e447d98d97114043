-- Returns: how many messages of a key came back, or were in hand before it went away, undecided.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select in_lane from away_key where queue = ?1 and hash = ?2
