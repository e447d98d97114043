-- Returns: the blocks of a lane that may hold an id: those written about the time that is in it,
--   found by halving the lane; of a lane of returned messages, and when none is near, all that span
--   it.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.find_blocks(p_lane int, p_id uuid, p_ms bigint, p_all boolean)
returns table (seq bigint, n int) language plpgsql as $$
#variable_conflict use_column
declare
  v_at timestamptz := to_timestamp(p_ms / 1000.0);
  v_low bigint := 0;
  v_high bigint;
  v_middle bigint;
  v_block record;
begin
  if not p_all then
    select b.seq + 1 into v_high from :schema.block b where b.lane = p_lane order by b.seq desc
      limit 1;
    while v_high - v_low > 64 loop  -- the first block written a minute before the id was made
      v_middle := (v_low + v_high) / 2;
      select b.seq, b.at into v_block from :schema.block b
        where b.lane = p_lane and b.seq >= v_middle order by b.seq limit 1;
      if v_block.at < v_at - interval '1 minute' then
        v_low := v_block.seq;
      else
        v_high := v_middle;
      end if;
    end loop;
    return query select b.seq, b.n from :schema.block b
      where b.lane = p_lane and b.seq >= v_low and b.first_id <= p_id and b.last_id >= p_id
        and b.at < v_at + interval '10 minutes'
      order by b.seq limit 64;
    if found then
      return;
    end if;
  end if;
  return query select b.seq, b.n from :schema.block b
    where b.lane = p_lane and b.first_id <= p_id and b.last_id >= p_id order by b.seq;
end $$
