-- Returns: the journal mode, wal.
-- Index: none.
-- Locks: the file, for a moment, when it is not in WAL mode yet.
-- Twice: changes nothing the second time.
pragma journal_mode = wal
