-- Returns: the journal mode. Only an empty file takes the first two.
-- Index: none.
-- Locks: the file, for a moment, when it is not in WAL mode yet.
-- Twice: changes nothing the second time.
pragma page_size = 8192; pragma auto_vacuum = incremental; pragma journal_mode = wal
