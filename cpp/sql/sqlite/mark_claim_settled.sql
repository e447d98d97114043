-- Returns: nothing; the newest row, which is the position, stays.
-- Index: primary key of claim.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: changes nothing the second time.
update claim set state = 1, done = null where subscription = ?1 and lane = ?2 and gen = ?3
