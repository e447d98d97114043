-- Returns: open claims whose lease is over.
-- Index: see live_claims.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.look_at_expired()
returns table (subscription int, lane int, gen bigint, until_ms bigint, lease_ms bigint,
  now_ms bigint)
language sql as $$
  select c.subscription, c.lane, c.gen, (extract(epoch from c.until) * 1000)::bigint, c.lease_ms,
         (extract(epoch from :schema.clock()) * 1000)::bigint
  from :schema.live_claims() c where c.state = 0 and c.until <= :schema.clock()
$$
