-- Returns: a row a queue: how much of it is where, and since when its oldest message waits. Exact.
-- Index: see figures.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view :schema.queues as
select f.queue,
       f.sent - f.parked - f.leased - f.done - f.dead - f.purged - f.quarantined as waiting,
       f.leased, f.parked, f.done, f.dead, f.purged, f.quarantined, f.sent, f.oldest,
       clock_timestamp() - f.oldest as oldest_age
from :schema.figures(null) f
