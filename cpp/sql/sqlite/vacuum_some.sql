-- Returns: nothing; gives up to 64 free pages back to the file system.
-- Index: none.
-- Locks: the write lock.
-- Twice: shrinks further.
pragma incremental_vacuum(64)
