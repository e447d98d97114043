-- Returns: as take_acks(), for whoever ends the claim in the place of its process. That can no
--   longer free the dedup ids of what users acknowledged, so it is done here.
-- Index: primary keys of acked and block; dedup_message.
-- Locks: rows of dedup ids. REQUIRES: as take_acks().
-- Twice: the same.
create or replace function :schema.take_over(p_claim :schema.claim) returns varbit
language plpgsql as $$
declare
  v_done varbit := :schema.take_acks(p_claim.gen, p_claim.done, p_claim.n);
  v_fresh varbit := v_done # coalesce(p_claim.done, repeat('0', p_claim.n)::varbit);
  v_queue int;
  v_queues int[];
  v_messages uuid[];
begin
  select queue into v_queue from :schema.subscription where id = p_claim.subscription;
  if :schema.ones(v_fresh) = 0
    or not exists (select 1 from :schema.dedup d where d.queue = v_queue and d.kind > 0) then
    return v_done;
  end if;
  with ranges as (
    select b.seq, b.frames, case when b.seq = p_claim.lo_seq then p_claim.lo_index else 0 end as lo,
           case when b.seq = p_claim.hi_seq then p_claim.hi_index else b.n end as hi
    from :schema.block b
    where b.lane = p_claim.lane and b.seq >= p_claim.lo_seq
      and b.seq < p_claim.hi_seq + (p_claim.hi_index > 0)::int
  ), counted as (
    select r.*, sum(r.hi - r.lo) over (order by r.seq) - (r.hi - r.lo) as before from ranges r
  )
  select array_agg(v_queue), array_agg(m.id) into v_queues, v_messages
    from counted c cross join lateral :schema.decode_block(c.frames) as m
    where case when m.index >= c.lo and m.index < c.hi
               then get_bit(v_fresh, (c.before + m.index - c.lo)::int) = 1 else false end;
  perform :schema.forget_messages(v_queues, v_messages);
  return v_done;
end $$
