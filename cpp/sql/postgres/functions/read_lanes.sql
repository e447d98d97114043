-- Returns: every queue but logs, with what is set of it, its lanes and whose log it reads, by band
--   from high to low, in each the lane of returned messages first; and whether it writes a log.
-- Index: none: read when the directory has changed.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.read_lanes()
returns table (queue text, queue_id int, subscription int, lane int, band int, shard int,
               is_returned boolean, is_paused boolean, length_max bigint, overflow int,
               overflow_wait_ms bigint, is_topic boolean, retention_ms bigint, source text,
               has_log boolean)
language sql stable as $$
  select q.name, q.id, s.id, l.id, l.band, l.shard, l.subscription <> 0,
         coalesce(t.is_paused, false), coalesce(t.length_max, 0), coalesce(t.overflow, 0),
         coalesce(t.overflow_wait_ms, 30000), coalesce(t.is_topic, false),
         coalesce(t.retention_ms, 0), coalesce(o.name, ''),
         exists (select 1 from :schema.log w where w.source = q.id)
  from :schema.queue q join :schema.subscription s on s.queue = q.id
  left join :schema.queue_setting t on t.queue = q.id
  left join :schema.follower f on f.queue = q.id
  left join :schema.log g on g.queue = f.log
  left join :schema.queue o on o.id = g.source
  left join :schema.lane l on l.queue = q.id and (l.subscription = 0 or l.subscription = s.id)
    or l.queue = f.log
  where not exists (select 1 from :schema.log e where e.queue = q.id)
  order by q.name, l.band desc, l.subscription <> 0 desc, l.shard
$$
