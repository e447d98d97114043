-- Returns: nothing; the block goes when the position of ?2 has passed it and no open or lapsed
--   claim touches it.
-- Index: rowid; the claims of one lane.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: deletes nothing the second time.
delete from block where id = (?3 << 40 | ?1)
  and ?1 < (select pos_seq from claim where subscription = ?2 and lane = ?3
    order by gen desc limit 1)
  and not exists (
    select 1 from claim where subscription = ?2 and lane = ?3 and state <> 1
      and lo_seq <= ?1 and (hi_seq > ?1 or (hi_seq = ?1 and hi_index > 0)))
