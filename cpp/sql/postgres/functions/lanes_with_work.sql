-- Returns: those of the lanes, in the order given, in which something may be claimed: a block at
--   the position or behind it, or a lapsed range.
-- Index: primary key of claim, from the right; claim_lapsed; primary key of block, from the
--   position on.
-- Locks: none.
-- Twice: the same. In PL/pgSQL, which keeps its plan: SQL would plan it at each claim.
create or replace function :schema.lanes_with_work(p_subscription int, p_lanes int[]) returns int[]
language plpgsql stable as $$
begin
  return (select coalesce(array_agg(given.lane order by given.place), '{}')
    from unnest(p_lanes) with ordinality as given(lane, place)
    where exists (
        select 1 from :schema.block b where b.lane = given.lane and b.seq >= coalesce((
          select c.pos_seq from :schema.claim c
          where c.subscription = p_subscription and c.lane = given.lane
          order by c.gen desc limit 1), 0))
      or exists (
        select 1 from :schema.claim c where c.subscription = p_subscription
          and c.lane = given.lane and c.state = 2));
end $$
