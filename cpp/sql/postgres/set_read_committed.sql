-- Returns: nothing; a role may have another isolation level as its default.
-- Index: none.
-- Locks: none.
-- Twice: harmless. First in its transaction.
set transaction isolation level read committed
