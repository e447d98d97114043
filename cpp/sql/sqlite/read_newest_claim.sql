-- Returns: the newest row of a subscription's lane: the position.
-- Index: right edge of the primary key of claim.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select gen, state, pos_seq, pos_index from claim where subscription = ?1 and lane = ?2
  order by gen desc limit 1
