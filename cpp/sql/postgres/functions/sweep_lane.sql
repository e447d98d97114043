-- Returns: the seq below which nothing is left; deletes the blocks behind every position and every
--   open or lapsed claim, and settled rows that nobody needs as a position.
-- Index: primary keys of block and claim, from p_from on.
-- Locks: the rows it deletes.
-- Twice: deletes nothing.
create or replace function :schema.sweep_lane(p_subscription int, p_lane int, p_from bigint)
returns bigint language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_floor bigint;
begin
  with newest as (
    select c.gen, c.pos_seq from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane order by c.gen desc limit 1
  ), floor as (
    select least(n.pos_seq, (select min(c.lo_seq) from :schema.claim c
                             where c.subscription = p_subscription and c.lane = p_lane
                               and c.state <> 1)) as seq
    from newest n
  ), stale as (
    delete from :schema.claim c using newest n
    where c.subscription = p_subscription and c.lane = p_lane and c.state = 1 and c.gen < n.gen
  ), gone as (
    delete from :schema.block b using floor f
    where b.lane = p_lane and b.seq >= p_from and b.seq < f.seq
  )
  select seq into v_floor from floor;
  return coalesce(v_floor, p_from);
end $$
