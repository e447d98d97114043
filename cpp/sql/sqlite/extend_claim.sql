-- Returns: nothing; one row changed when the claim is open.
-- Index: primary key of claim.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the value is absolute.
update claim set until_ms = ?5 where subscription = ?1 and lane = ?2 and gen = ?3
  and owner = ?4 and state = 0
