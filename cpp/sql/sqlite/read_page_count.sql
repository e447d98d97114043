-- Returns: pages of the file.
-- Index: none.
-- Locks: nothing; a read.
-- Twice: reads only.
pragma page_count
