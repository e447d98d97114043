-- Returns: a row a queue: how much of it is where, and since when its oldest message waits. Exact.
-- Index: see balance.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view :schema.queues as
select f.queue,
       f.sent - f.parked - f.leased - f.done - f.dead - f.purged - f.quarantined - f.expired
         - f.cancelled as waiting,
       f.leased, f.parked, f.done, f.dead, f.purged, f.quarantined, f.sent, f.oldest,
       clock_timestamp() - f.oldest as oldest_age, f.expired, f.cancelled,
       coalesce(s.is_paused, false) as is_paused
from :schema.balance(null) f join :schema.queue q on q.name = f.queue
left join :schema.queue_setting s on s.queue = q.id
