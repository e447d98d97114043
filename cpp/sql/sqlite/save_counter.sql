-- Returns: nothing.
-- Index: primary key of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the values are absolute, not added.
update hot set tick = ?1, directory = ?2, at_ms = ?3, lapsed = ?4 where kind = 0 and id = 0
