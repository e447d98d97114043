-- Returns: nothing; each commit survives the process, not the machine.
-- Index: none.
-- Locks: nothing.
-- Twice: sets the same again.
pragma synchronous = normal; pragma journal_size_limit = 33554432; pragma cache_size = -16000
