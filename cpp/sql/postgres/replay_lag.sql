-- Returns: how many milliseconds what this server shows is behind its primary, at most: since the
--   last commit that it replayed; 0 on a primary, null before the first. While a process of msgq
--   lives its heartbeats are such commits.
-- Index: none.
-- Locks: none.
-- Twice: the same, later.
select case when not pg_is_in_recovery() then 0 else
  greatest((extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint,
           0) end
