-- Returns: the last exchange that the owner committed, and its settle answers.
-- Index: primary key of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select request, answers from hot where kind = 1 and id = ?1
