-- Returns: pages of the file that hold nothing.
-- Index: none.
-- Locks: nothing; a read.
-- Twice: reads only.
pragma freelist_count
