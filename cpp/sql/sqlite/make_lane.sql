-- Returns: the id of the new lane, never used before.
-- Index: none.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a second lane: the caller looked first.
insert into lane (queue, subscription, band, shard, epoch, is_closed, deletes)
values (?1, ?2, ?3, 0, 0, 0, ?4) returning id
