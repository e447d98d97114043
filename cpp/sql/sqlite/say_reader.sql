-- Returns: nothing.
-- Index: primary key of reader.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: writes the same.
insert into reader (subscription, process, said_ms) values (?1, ?2, ?3)
on conflict (subscription, process) do update set said_ms = excluded.said_ms
