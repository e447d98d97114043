-- Returns: the keys of which messages came back and are not decided, and how many of each; without
--   those of which one is in hand that others wait for.
-- Index: none: as many rows as there are such keys, read once in ten seconds.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select queue, hash, in_lane from away_key where waits_seq = 0
