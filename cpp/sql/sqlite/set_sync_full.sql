-- Returns: nothing; each commit survives a power cut.
-- Index: none.
-- Locks: nothing.
-- Twice: sets the same again.
pragma synchronous = full; pragma journal_size_limit = 33554432; pragma cache_size = -16000
