-- Returns: how many claims a process has open, and how many of them run a suspect.
-- Index: none: the claim table holds what is open or lapsed and one row a lane.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select count(*), coalesce(sum(is_suspect), 0) from claim
where state = 0 and owner in (select id from hot where kind = 1 and process = ?1)
