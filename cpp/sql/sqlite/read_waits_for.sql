-- Returns: where the message of a key stands that was in hand when the first behind it was parked.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select waits_seq, waits_index from away_key where queue = ?1 and hash = ?2
