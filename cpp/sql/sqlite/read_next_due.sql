-- Returns: when the next parked message is due.
-- Index: left edge of parked_due.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select min(due_ms) from parked
