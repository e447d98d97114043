-- Returns: nothing; the row stays so that ordinals still count its messages.
-- Index: rowid.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: changes nothing the second time.
update block set flags = flags | 1, frames = x'' where id = ?1
