-- Returns: the ranges of a subscription's lane that are held or lapsed, and as the last row (state
--   -1) its position, in lo_seq and lo_index.
-- Index: primary key of claim, from the cursor's floor on.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.read_lane(p_subscription int, p_lane int)
returns table (state int, lo_seq bigint, lo_index int, hi_seq bigint, hi_index int, n int,
  done text)
language sql as $$
  (select c.state, c.lo_seq, c.lo_index, c.hi_seq, c.hi_index, c.n, c.done::text
   from :schema.claim c
   where c.subscription = p_subscription and c.lane = p_lane and c.state <> 1
     and c.gen >= coalesce((select max(f.gen) from :schema.floor f
                            where f.subscription = p_subscription and f.lane = p_lane), 0)
   order by c.lo_seq, c.lo_index)
  union all
  (select -1, c.pos_seq, c.pos_index, 0, 0, 0, null
   from :schema.claim c where c.subscription = p_subscription and c.lane = p_lane
   order by c.gen desc limit 1)
$$
