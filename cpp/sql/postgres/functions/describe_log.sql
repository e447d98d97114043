-- Returns: the lanes of a queue's log, and how many ms ago its oldest block was written; no
--   row without a log, or while it has no lane.
-- Index: the unique keys of log and lane; primary key of block, from the left.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.describe_log(p_queue int)
returns table (lane int, age_ms bigint) language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_column
begin
  return query
    select l.id, (extract(epoch from :schema.clock() - b.at) * 1000)::bigint
    from :schema.log g join :schema.lane l on l.queue = g.queue
    left join lateral (
      select e.at from :schema.block e where e.lane = l.id order by e.seq limit 1) as b on true
    where g.source = p_queue order by l.id;
end $$
