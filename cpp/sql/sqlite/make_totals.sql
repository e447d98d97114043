-- Returns: nothing.
-- Index: primary key of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a constraint error.
insert into hot (kind, id, sent, leased, parked, done, dead, purged, quarantined)
values (2, ?1, 0, 0, 0, 0, 0, 0, 0)
