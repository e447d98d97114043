-- Returns: the parked messages of a key that may come back now, in the order of the key, up to the
--   first that may not: that one's due time is between.
-- Index: parked_key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select number, id, type, content, headers, body, deliveries, failures, crashes, history,
  enqueued_ms, priority, expires_ms, key, place_seq, place_index, once, queue, subscription, due_ms
from parked where queue = ?1 and hash = ?2 order by place_seq, place_index limit ?3
