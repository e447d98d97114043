-- Returns: nothing.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: counts again.
insert into away_key (queue, hash, in_lane) values (?1, ?2, ?3)
on conflict (queue, hash) do update set in_lane = in_lane + excluded.in_lane
