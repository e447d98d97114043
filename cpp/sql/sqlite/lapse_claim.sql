-- Returns: nothing; what is not done is claimable again.
-- Index: primary key of claim.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the values are absolute.
update claim set state = 2, attempt = ?4, done = ?5, is_suspect = ?6, crashes = ?7, crashed_ms = ?8
where subscription = ?1 and lane = ?2 and gen = ?3
