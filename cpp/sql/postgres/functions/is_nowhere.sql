-- Returns: whether the message that stands at a packed_place() of a lane is neither to be run nor
--   in hand: it was decided, or was lost with its block.
-- Index: primary keys of block, and of claim, from the lane's floor on.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.is_nowhere(p_subscription int, p_lane int, p_place bigint)
returns boolean language plpgsql stable as $$
begin
  return not exists (
    select 1 from :schema.block b
    where b.lane = p_lane and b.seq = p_place >> 20 and b.frames <> ''
  ) and not exists (
    select 1 from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.state = 0
      and p_place >> 20 between c.lo_seq and c.hi_seq
      and c.gen >= coalesce((
        select max(f.gen) from :schema.floor f
        where f.subscription = p_subscription and f.lane = p_lane), 0));
end $$
