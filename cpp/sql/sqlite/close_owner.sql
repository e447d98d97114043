-- Returns: nothing; one row changed when it was open.
-- Index: primary key of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: changes nothing the second time.
update hot set is_closed = 1 where kind = 1 and id = ?1 and is_closed = 0
