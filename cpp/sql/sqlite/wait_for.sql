-- Returns: nothing.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: counts again.
insert into away_key (queue, hash, in_lane, waits_seq, waits_index) values (?1, ?2, 1, ?3, ?4)
on conflict (queue, hash) do update set
  in_lane = in_lane + 1, waits_seq = excluded.waits_seq, waits_index = excluded.waits_index
