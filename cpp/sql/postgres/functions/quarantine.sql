-- Returns: whether a claim ended, as nothing is left of it once the messages that it has in a
--   damaged block are given up. The block's bytes are kept in quarantine; its row stays, empty, so
--   that ordinals still count its messages.
-- Index: primary keys of claim, block, quarantine; dedup_message.
-- Locks: the claim's row, rows of dedup ids, the block's, the totals.
-- Twice: changes nothing more.
create or replace function :schema.quarantine(
  p_subscription int, p_lane int, p_gen bigint, p_seq bigint, p_first int, p_count int)
returns boolean language plpgsql as $$
declare
  v_claim :schema.claim;
  v_done varbit;
begin
  select * into v_claim from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen = p_gen and c.state = 0
    for update;
  if not found then
    return true;
  end if;
  insert into :schema.quarantine (lane, seq, queue, n, owner, at, checksum, frames, found_at,
    reason)
  select b.lane, b.seq, s.queue, b.n, b.owner, b.at, b.checksum, b.frames, :schema.clock(),
    'checksum'
  from :schema.block b, :schema.subscription s
  where b.lane = p_lane and b.seq = p_seq and s.id = p_subscription
  on conflict do nothing;
  -- Of what can still be read; the rest is forgotten when its time is over.
  perform :schema.forget_messages(array_agg(q.queue), array_agg(m.id))
    from :schema.quarantine q cross join lateral :schema.decode_block(q.frames) as m
    where q.lane = p_lane and q.seq = p_seq
      and m.index >= case when p_seq = v_claim.lo_seq then v_claim.lo_index else 0 end
      and m.index < case when p_seq = v_claim.lo_seq then v_claim.lo_index else 0 end + p_count;
  update :schema.block set frames = '' where lane = p_lane and seq = p_seq and frames <> '';
  v_done := :schema.merged(v_claim.done, repeat('0', p_first) || repeat('1', p_count), v_claim.n);
  update :schema.totals
    set quarantined = quarantined + :schema.ones(v_done) - :schema.ones(v_claim.done)
    where subscription = p_subscription;
  update :schema.claim c set done = v_done
    where c.subscription = p_subscription and c.lane = p_lane and c.gen = p_gen;
  if :schema.ones(v_done) < v_claim.n then
    return false;
  end if;
  delete from :schema.block b using :schema.cursor r
    where r.subscription = p_subscription and r.lane = p_lane and r.deletes
      and b.lane = p_lane and b.seq >= v_claim.lo_seq + (v_claim.lo_index > 0)::int
      and b.seq < v_claim.hi_seq;
  perform :schema.end_claims(array[v_claim]);
  return true;
end $$
