-- Returns: every queue with its subscription and what is set of it, a row for each of its lanes:
--   number, band, whether it is one of returned messages.
-- Index: primary keys; the tables are small and read when the directory changed.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select q.id, q.name, s.id, l.id, l.band, l.subscription <> 0,
  q.is_paused, q.length_max, q.overflow, q.overflow_wait_ms,
  q.is_topic, q.retention_ms, q.log, q.source
from queue q join subscription s on s.queue = q.id
left join lane l on l.queue = q.id and l.subscription in (0, s.id) and l.is_closed = 0
