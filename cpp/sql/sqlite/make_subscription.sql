-- Returns: the id of the new subscription.
-- Index: none.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a second subscription: the caller looked first.
insert into subscription (queue, name) values (?1, '') returning id
