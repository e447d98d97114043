-- Returns: when the oldest block that still waits for a subscription was written; null: none waits.
-- Index: primary key of claim, from the right; claim_lapsed; primary key of block.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.oldest(p_subscription int) returns timestamptz
language sql stable
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
  select min(b.at) from :schema.cursor r
  left join lateral (
    select c.pos_seq, c.pos_index from :schema.claim c
    where c.subscription = r.subscription and c.lane = r.lane order by c.gen desc
      limit 1) as newest on true
  left join lateral (
    select c.lo_seq from :schema.claim c
    where c.subscription = r.subscription and c.lane = r.lane and c.state = 2
    order by c.lo_seq limit 1) as lapsed on true
  cross join lateral (
    select e.at from :schema.block e
    where e.lane = r.lane
      and e.seq >= least(coalesce(lapsed.lo_seq, newest.pos_seq), coalesce(newest.pos_seq, 0))
      and (e.seq = newest.pos_seq and newest.pos_index >= e.n) is not true
    order by e.seq limit 1) as b
  where r.subscription = p_subscription
$$
