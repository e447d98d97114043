-- Returns: how much of one queue is where, exactly, and since when its oldest message waits; no row
--   for a queue that is not there. In time that does not grow with the queue.
-- Index: see balance.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.depth(p_queue text)
returns table (waiting bigint, leased bigint, parked bigint, done bigint, dead bigint,
               oldest timestamptz)
language sql stable as $$
  select f.sent - f.parked - f.leased - f.done - f.dead - f.purged - f.quarantined
           - f.expired - f.cancelled, f.leased,
         f.parked, f.done, f.dead, f.oldest
  from :schema.balance(p_queue) f
$$
