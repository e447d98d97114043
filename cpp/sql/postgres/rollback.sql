-- Returns: nothing.
-- Index: none.
-- Locks: none.
-- Twice: a warning.
rollback
