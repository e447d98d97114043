-- Returns: nothing; what is set of a queue.
-- Index: primary key of queue.
-- Locks: nothing of its own; the caller holds the write lock.
-- Twice: the same.
update queue set is_paused = ?2, length_max = ?3, overflow = ?4, overflow_wait_ms = ?5,
  is_topic = ?6, retention_ms = ?7
where id = ?1
