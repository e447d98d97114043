-- Returns: nothing; what follows sees what was committed before the first of it.
-- Index: none.
-- Locks: none.
-- Twice: a warning.
begin isolation level repeatable read read only
