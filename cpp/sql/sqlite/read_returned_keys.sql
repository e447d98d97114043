-- Returns: the keys of which messages came back and are not decided, and how many of each; and
--   where one stands that others wait for.
-- Index: none: as many rows as there are such keys, read once in ten seconds.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select queue, hash, in_lane, waits_seq, waits_index from away_key
