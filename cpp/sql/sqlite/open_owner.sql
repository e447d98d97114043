-- Returns: nothing; the new owner of a connection.
-- Index: primary key of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a constraint error; ids are random and never used again.
insert into hot (kind, id, process, is_closed, request) values (1, ?1, ?2, 0, 0)
