-- Returns: the seq below which nothing is left; deletes the blocks behind every position and every
--   open or lapsed claim, and settled rows that nobody needs as a position. Notes from which gen on
--   the next look at the claims may begin.
-- Index: primary key of block, from p_from or the floor on; primary key of claim, from the cursor's
--   floor on.
-- Locks: the rows it deletes.
-- Twice: deletes nothing. What was true of positions and claims a statement ago is a lower bound of
--   what is: positions rise, and a new claim begins at one or at a lapsed claim.
create or replace function :schema.sweep_lane(p_subscription int, p_lane int, p_from bigint)
returns bigint language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_floor record;
  v_newest record;
  v_live record;
  v_end bigint;
begin
  select coalesce(max(f.gen), 0) as gen, coalesce(max(f.seq), 0) as seq into v_floor from (
    select f.gen, f.seq from :schema.floor f
    where f.subscription = p_subscription and f.lane = p_lane order by f.gen desc limit 1) as f;
  select c.gen, c.pos_seq into v_newest from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane order by c.gen desc limit 1;
  if v_newest.gen is null then
    return p_from;
  end if;
  select min(c.gen) as gen, min(c.lo_seq) as seq into v_live from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen >= v_floor.gen
      and c.state <> 1;
  delete from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen >= v_floor.gen
      and c.gen < v_newest.gen and c.state = 1;
  v_end := least(v_newest.pos_seq, v_live.seq);
  delete from :schema.block b using :schema.cursor r where b.lane = p_lane
    and r.subscription = p_subscription and r.lane = p_lane and r.deletes  -- else see sweep_logs
    and b.seq >= greatest(p_from, v_floor.seq) and b.seq < v_end;
  if least(v_newest.gen, v_live.gen) > v_floor.gen then
    insert into :schema.floor
      values (p_subscription, p_lane, least(v_newest.gen, v_live.gen), v_end)
      on conflict do nothing;
    delete from :schema.floor f
      where f.subscription = p_subscription and f.lane = p_lane and f.gen >= v_floor.gen
        and f.gen < least(v_newest.gen, v_live.gen);
  end if;
  return v_end;
end $$
