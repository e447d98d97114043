-- Returns: nothing.
-- Index: primary key of claim.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the value is absolute.
update claim set done = ?4 where subscription = ?1 and lane = ?2 and gen = ?3
