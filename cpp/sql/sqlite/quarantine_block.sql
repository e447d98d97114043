-- Returns: nothing; copies a damaged block away.
-- Index: rowid.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: keeps the first copy.
insert or ignore into quarantine (id, queue, n, owner, at_ms, checksum, frames, found_ms, reason)
select id, ?2, n, owner, at_ms, checksum, frames, ?3, ?4 from block where id = ?1
