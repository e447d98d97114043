-- Returns: a row, when messages with keys of a queue are parked, or came back and are not decided.
-- Index: parked_key; primary key of away_key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select 1 from parked where queue = ?1 and hash is not null
union all
select 1 from away_key where queue = ?1
limit 1
