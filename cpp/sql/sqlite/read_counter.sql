-- Returns: the counters and whether this owner is open (NULL: no such owner).
-- Index: primary key of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select c.tick, c.directory, c.at_ms, c.lapsed, (select is_closed from hot where kind = 1
  and id = ?1)
from hot c where c.kind = 0 and c.id = 0
