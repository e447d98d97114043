-- Returns: the dead letters of a queue with one id.
-- Index: dead_id.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select number, id, type, content, headers, body, deliveries, failures, crashes, history,
  enqueued_ms, priority, expires_ms, key, 0, 0, once, queue, reason, died_ms
from dead where queue = ?1 and id = ?2 order by number
