-- Returns: when the next parked message is due; those that wait for others of their keys do not
--   count (kHeldBack).
-- Index: left edge of parked_due.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select min(due_ms) from parked where due_ms < 253402300799000
