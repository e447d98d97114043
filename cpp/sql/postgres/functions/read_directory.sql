-- Returns: as read_lanes(), those of normal priority, for processes of older versions.
-- Index: none: read when the directory has changed.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.read_directory()
returns table (queue text, queue_id int, subscription int, lane int, shard int, is_returned boolean)
language sql stable as $$
  select q.name, q.id, s.id, l.id, l.shard, l.subscription <> 0
  from :schema.queue q join :schema.subscription s on s.queue = q.id
  left join :schema.lane l on l.queue = q.id and l.band = 0
    and (l.subscription = 0 or l.subscription = s.id)
  order by q.name, l.subscription <> 0 desc, l.shard
$$
