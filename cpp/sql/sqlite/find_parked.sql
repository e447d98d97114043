-- Returns: a parked message of a queue by its id.
-- Index: parked_id.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select number, id, type, content, headers, body, deliveries, failures, crashes, history,
  enqueued_ms, priority, expires_ms, key, place_seq, place_index, once, due_ms, parked_ms
from parked where queue = ?1 and id = ?2 order by number limit 1
