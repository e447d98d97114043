-- Returns: nothing; an id whose time is over is taken anew.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: the same row.
insert or replace into dedup (queue, id, message, digest, kind, until_ms)
values (?1, ?2, ?3, ?4, ?5, ?6)
