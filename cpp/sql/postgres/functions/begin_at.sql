-- Returns: how many messages of the log wait for a subscription from a place on, from which it now
--   reads: p_kind 0 behind all, 1 at the first that is kept, 2 at the first that is no older than
--   p_age_ms, 3 at (p_lane, p_seq, p_index), in other lanes at what was written after it.
-- Index: primary key of block; primary key of claim, from the right.
-- Locks: none of its own. REQUIRES: the log's lock, those of its lanes and of the cursors.
-- Twice: the same place.
create or replace function :schema.begin_at(
  p_subscription int, p_log int, p_kind int, p_age_ms bigint, p_lane int, p_seq bigint,
  p_index int)
returns bigint language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_lane int;
  v_seq bigint;
  v_index int;
  v_newest bigint;
  v_count bigint := 0;
begin
  for v_lane in select id from :schema.lane where queue = p_log order by id loop
    v_index := case when p_kind = 3 and v_lane = p_lane then p_index else 0 end;
    v_seq := case p_kind when 1 then 0 when 3 then p_seq end;
    if p_kind = 2 then
      select b.seq into v_seq from :schema.block b
        where b.lane = v_lane and b.at >= :schema.clock() - p_age_ms * interval '1 ms'
        order by b.seq limit 1;
    end if;
    v_seq := coalesce(v_seq, nextval(':schema.seq'));
    select max(c.gen) into v_newest from :schema.claim c
      where c.subscription = p_subscription and c.lane = v_lane;
    delete from :schema.claim c where c.subscription = p_subscription and c.lane = v_lane;
    insert into :schema.claim
      (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner, request, kind, state,
       attempt, crashes, is_suspect, until, lease_ms, n, pos_seq, pos_index, prev_gen)
    values (p_subscription, v_lane, nextval(':schema.gen'), v_seq, v_index, v_seq, v_index, 0, 0,
            2, 1, 0, 0, false, :schema.clock(), 0, 0, v_seq, v_index, coalesce(v_newest, 0));
    delete from :schema.floor f where f.subscription = p_subscription and f.lane = v_lane;
    v_count := v_count - v_index + (
      select coalesce(sum(b.n), 0) from :schema.block b
      where b.lane = v_lane and b.seq >= v_seq);
  end loop;
  update :schema.totals set sent = sent + v_count where subscription = p_subscription;
  return v_count;
end $$
