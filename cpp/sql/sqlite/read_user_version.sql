-- Returns: the schema version; 0: not made yet.
-- Index: none.
-- Locks: nothing; a read.
-- Twice: reads only.
pragma user_version
