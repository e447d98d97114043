-- Returns: those of the lanes in which something may be claimed, as lanes_with_work(), by priority:
--   a lane whose next message has waited for p_aging_ms rises by one, for twice as long by two ...
--   Lanes of keys are of normal priority. 0: none rises; of normal priority each shard, and what
--   has no key, is first in its turn.
-- Index: as lanes_with_work(); primary key of lane.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.lanes_by_age(
  p_subscription int, p_lanes int[], p_aging_ms bigint, p_turn bigint)
returns int[] language plpgsql stable as $$
declare
  v_lanes int[] := :schema.lanes_with_work(p_subscription, p_lanes);
begin
  if p_aging_ms = 0 then  -- the shards are given in their turn
    return (select coalesce(array_agg(given.lane order by
        -case when l.band >= 95 then 0 else l.band end,
        case when l.band <> 0 then 1
             when (hashint8(p_turn) & 65535) % (1 + shards.n) = 0 then 0 else 2 end,
        given.place), '{}')
    from unnest(v_lanes) with ordinality as given(lane, place)
    join :schema.lane l on l.id = given.lane
    cross join (select count(distinct k.band) as n from :schema.lane k
                where k.id = any (v_lanes) and k.band >= 95) as shards);
  end if;
  return (select coalesce(array_agg(given.lane order by
      case when l.band >= 95 then 0 else l.band end * p_aging_ms
        + extract(epoch from :schema.clock() - next.at) * 1000 desc, given.place), '{}')
  from unnest(v_lanes) with ordinality as given(lane, place)
  join :schema.lane l on l.id = given.lane
  left join lateral (
    select b.at from :schema.block b where b.lane = given.lane and b.seq >= least(
      (select min(c.lo_seq) from :schema.claim c where c.subscription = p_subscription
         and c.lane = given.lane and c.state = 2),
      coalesce((select c.pos_seq from :schema.claim c where c.subscription = p_subscription
         and c.lane = given.lane order by c.gen desc limit 1), 0))
    order by b.seq limit 1 offset 0) as next on true);
end $$
