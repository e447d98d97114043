-- Returns: nothing; forgets some ids whose time is over.
-- Index: dedup_until, at its left edge: what is over is deleted from there.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes others, or nothing.
delete from dedup where (queue, id) in (
  select queue, id from dedup where until_ms <= ?1 order by until_ms limit ?2)
