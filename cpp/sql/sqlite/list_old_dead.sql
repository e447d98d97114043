-- Returns: numbers and subscriptions of the oldest dead letters, those that died before ?1.
-- Index: primary key; no more than ?2 rows are looked at, as numbers rise with deaths.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select number, subscription from (
  select number, subscription, died_ms from dead order by number limit ?2
) where died_ms < ?1
