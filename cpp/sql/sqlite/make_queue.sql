-- Returns: the id of the new queue.
-- Index: unique name of queue.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a constraint error.
insert into queue (name) values (?1) returning id
