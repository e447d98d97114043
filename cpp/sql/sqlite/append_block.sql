-- Returns: nothing.
-- Index: rowid: lane << 40 | seq.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a constraint error; seq is drawn in the same transaction.
insert into block (id, n, first_id, last_id, owner, request, at_ms, flags, checksum, frames)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9)
