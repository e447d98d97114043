-- Returns: the totals of one subscription.
-- Index: primary key of hot.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select sent, leased, parked, done, dead, purged, quarantined, ifnull(expired, 0),
  ifnull(cancelled, 0)
from hot where kind = 2 and id = ?1
