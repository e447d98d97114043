-- Returns: how many claims of a subscription are lapsed.
-- Index: claim_lapsed, partial.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select count(*) from claim where subscription = ?1 and state = 2
