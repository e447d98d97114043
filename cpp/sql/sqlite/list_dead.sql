-- Returns: the dead letters of all queues behind a number, oldest first.
-- Index: primary key.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select number, id, type, content, headers, body, deliveries, failures, crashes, history,
  enqueued_ms, priority, expires_ms, key, 0, 0, once, queue, reason, died_ms
from dead where number > ?1 order by number limit ?2
