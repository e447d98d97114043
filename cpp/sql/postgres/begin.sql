-- Returns: nothing; a role may have another isolation level as its default.
-- Index: none.
-- Locks: none.
-- Twice: a warning.
begin isolation level read committed
