-- Returns: the claims that are open or lapsed.
-- Index: primary key of claim, from each cursor's floor on; primary key of floor, from the right.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.live_claims() returns setof :schema.claim
language sql stable rows 100
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
  select c.* from :schema.cursor r
  left join lateral (
    select f.gen from :schema.floor f where f.subscription = r.subscription and f.lane = r.lane
    order by f.gen desc limit 1) as floor on true
  cross join lateral (
    select * from :schema.claim c
    where c.subscription = r.subscription and c.lane = r.lane and c.gen >= coalesce(floor.gen, 0)
      and c.state <> 1
    order by c.gen) as c
$$
