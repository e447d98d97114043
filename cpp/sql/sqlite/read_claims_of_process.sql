-- Returns: the open claims of a process.
-- Index: none: the claim table holds what is open or lapsed and one row a lane.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select gen, lo_seq, lo_index, hi_seq, hi_index, owner, state, attempt, crashes, crashed_ms,
  is_suspect, until_ms, n, done, pos_seq, pos_index, subscription, lane, lease_ms, 0
from claim where state = 0 and owner in (select id from hot where kind = 1
  and process = ?1) order by gen
