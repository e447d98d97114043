-- Returns: a row, when another process has claims of one of two lanes open.
-- Index: primary key of claim; that of hot.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: reads only.
select 1 from claim c join hot h on h.kind = 1 and h.id = c.owner
where c.subscription = ?1 and c.lane in (?2, ?3) and c.state = 0 and h.process <> ?4 limit 1
