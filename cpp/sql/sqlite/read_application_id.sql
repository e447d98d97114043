-- Returns: the number of the program that made the file; 0: none.
-- Index: none.
-- Locks: nothing; a read.
-- Twice: reads only.
pragma application_id
