-- Returns: nothing; forgets the id of a message that is over (kind 1 and 2).
-- Index: dedup_message.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from dedup where queue = ?1 and message = ?2 and kind > 0
