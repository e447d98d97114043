-- Returns: number, due time and place of the parked message of a key that comes first.
-- Index: parked_key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select number, due_ms, place_seq, place_index from parked
where queue = ?1 and hash = ?2 order by place_seq, place_index limit 1
