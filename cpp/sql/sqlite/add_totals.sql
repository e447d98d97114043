-- Returns: nothing.
-- Index: primary key of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: adds again: once a transaction, from Totals alone.
update hot set sent = sent + ?2, leased = leased + ?3, parked = parked + ?4, done = done + ?5,
  dead = dead + ?6, purged = purged + ?7, quarantined = quarantined + ?8,
  expired = ifnull(expired, 0) + ?9, cancelled = ifnull(cancelled, 0) + ?10
where kind = 2 and id = ?1
