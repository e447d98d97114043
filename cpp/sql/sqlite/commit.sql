-- Returns: nothing.
-- Index: none.
-- Locks: gives the write lock back.
-- Twice: an error outside a transaction.
commit
