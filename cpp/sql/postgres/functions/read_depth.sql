-- Returns: every queue's totals, what its open claims hold, and when its oldest waiting block was
--   written; see balance.
-- Index: see balance.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.read_depth()
returns table (queue text, sent bigint, parked bigint, leased bigint, done bigint, dead bigint,
               purged bigint, quarantined bigint, expired bigint, cancelled bigint,
               oldest_ms bigint)
language sql as $$
  select f.queue, f.sent, f.parked, f.leased, f.done, f.dead, f.purged, f.quarantined, f.expired,
         f.cancelled, (extract(epoch from f.oldest) * 1000)::bigint
  from :schema.balance(null) f
$$
