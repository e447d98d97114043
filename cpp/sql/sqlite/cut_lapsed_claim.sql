-- Returns: nothing; the row loses its left part.
-- Index: primary key of claim.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the values are absolute.
update claim set lo_seq = ?4, lo_index = ?5, n = ?6, done = ?7
where subscription = ?1 and lane = ?2 and gen = ?3
