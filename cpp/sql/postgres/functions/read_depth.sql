-- Returns: every queue's totals, what its open claims hold, when its oldest waiting block was
--   written, see balance, whether it is paused, and
--   of a subscription whose messages it reads.
-- Index: see balance.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.read_depth()
returns table (queue text, sent bigint, parked bigint, leased bigint, done bigint, dead bigint,
               purged bigint, quarantined bigint, expired bigint, cancelled bigint,
               oldest_ms bigint, is_paused boolean, source text)
language sql as $$
  select f.queue, f.sent, f.parked, f.leased, f.done, f.dead, f.purged, f.quarantined, f.expired,
         f.cancelled, (extract(epoch from f.oldest) * 1000)::bigint,
         coalesce(s.is_paused, false), coalesce(o.name, '')
  from :schema.balance(null) f join :schema.queue q on q.name = f.queue
  left join :schema.queue_setting s on s.queue = q.id
  left join :schema.follower w on w.queue = q.id left join :schema.log g on g.queue = w.log
  left join :schema.queue o on o.id = g.source
  order by f.queue
$$
