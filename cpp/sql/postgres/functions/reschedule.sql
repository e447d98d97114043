-- Returns: how many parked messages of these ids are due in p_delay_ms from now on. That is never
--   before due_from(), where they would not be looked for. When one would be over by then: its id
--   and when that is, and none was changed.
-- Index: parked_id.
-- Locks: the rows.
-- Twice: the same, counted from the second time on.
create or replace function :schema.reschedule(
  p_queue int, p_ids uuid[], p_delay_ms bigint, out count int, out over uuid, out over_ms bigint)
language plpgsql set enable_seqscan = off as $$
declare
  v_due timestamptz := :schema.clock() + p_delay_ms * interval '1 ms';
begin
  count := 0;
  perform 1 from :schema.parked where queue = p_queue and id = any (p_ids)
    order by number for update;
  select p.id, (extract(epoch from m.expires_at) * 1000)::bigint into over, over_ms
    from :schema.parked p cross join lateral :schema.decode_block(p.frames) as m
    where p.queue = p_queue and p.id = any (p_ids) and m.expires_at <= v_due limit 1;
  if found then
    return;
  end if;
  update :schema.parked p set due = v_due where p.queue = p_queue and p.id = any (p_ids);
  get diagnostics count = row_count;
end $$
