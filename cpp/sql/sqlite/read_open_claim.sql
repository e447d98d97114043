-- Returns: the open claim of this key and owner, and whether a newer row of its lane exists.
-- Index: primary key of claim.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select gen, lo_seq, lo_index, hi_seq, hi_index, owner, state, attempt, crashes, crashed_ms,
  is_suspect, until_ms, n, done, pos_seq, pos_index, subscription, lane, lease_ms,
  exists (select 1 from claim n where n.subscription = ?1 and n.lane = ?2 and n.gen > ?3)
from claim where subscription = ?1 and lane = ?2 and gen = ?3 and owner = ?4 and state = 0
