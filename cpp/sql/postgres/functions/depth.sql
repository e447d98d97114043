-- Returns: as read_depth(), for processes of older versions, that know no other ends of a message
--   than these.
-- Index: see balance.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.depth()
returns table (queue text, sent bigint, parked bigint, leased bigint, done bigint, dead bigint,
               purged bigint, quarantined bigint, oldest_ms bigint)
language sql as $$
  select f.queue, f.sent, f.parked, f.leased, f.done, f.dead, f.purged + f.expired + f.cancelled,
         f.quarantined, f.oldest_ms
  from :schema.read_depth() f
$$
