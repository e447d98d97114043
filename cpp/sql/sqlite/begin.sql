-- Returns: nothing.
-- Index: none.
-- Locks: the write lock of the file; waits in the busy handler.
-- Twice: an error inside a transaction.
begin immediate
