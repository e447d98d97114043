-- Returns: nothing.
-- Index: none.
-- Locks: nothing; the snapshot is taken with the first read.
-- Twice: an error inside a transaction.
begin
