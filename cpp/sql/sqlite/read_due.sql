-- Returns: the parked messages whose time has come, by due time.
-- Index: parked_due.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select number, id, type, content, headers, body, deliveries, failures, crashes, history,
  enqueued_ms, priority, expires_ms, key, place_seq, place_index, once, queue, subscription
from parked where due_ms <= ?1 order by due_ms, number limit ?2
