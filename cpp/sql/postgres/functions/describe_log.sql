-- Returns: the lanes of a queue's log, when its oldest block was written, how many ms ago, and
--   whether older ones are gone; no row without a log, or while it has no lane.
-- Index: the unique keys of log and lane; primary key of block, from the left.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.describe_log(p_queue int)
returns table (lane int, age_ms bigint, has_forgotten boolean) language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_column
begin
  return query
    select l.id, (extract(epoch from :schema.clock() - b.at) * 1000)::bigint, t.purged > 0
    from :schema.log g join :schema.lane l on l.queue = g.queue
    join :schema.subscription s on s.queue = g.queue
    join :schema.totals t on t.subscription = s.id
    left join lateral (
      select e.at from :schema.block e where e.lane = l.id order by e.seq limit 1) as b on true
    where g.source = p_queue order by l.id;
end $$
