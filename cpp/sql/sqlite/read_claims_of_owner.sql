-- Returns: the open claims of an owner that were made after gen ?2.
-- Index: none: the claim table holds what is open or lapsed and one row a lane.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select gen, lo_seq, lo_index, hi_seq, hi_index, owner, state, attempt, crashes, crashed_ms,
  is_suspect, until_ms, n, done, pos_seq, pos_index, subscription, lane, lease_ms, 0
from claim where state = 0 and owner = ?1 and gen > ?2 order by gen
