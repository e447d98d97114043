-- Returns: the open and lapsed claims of a subscription's lane, from the left.
-- Index: primary key of claim.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select gen, lo_seq, lo_index, hi_seq, hi_index, owner, state, attempt, crashes, crashed_ms,
  is_suspect, until_ms, n, done, pos_seq, pos_index, subscription, lane, lease_ms, 0
from claim where subscription = ?1 and lane = ?2 and state <> 1 order by lo_seq, lo_index
