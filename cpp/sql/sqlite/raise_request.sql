-- Returns: nothing; one row changed when the owner is open.
-- Index: primary key of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the number is absolute.
update hot set request = ?2, answers = ?3 where kind = 1 and id = ?1 and is_closed = 0
