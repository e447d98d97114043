-- Returns: how many parked messages of these ids are due in p_delay_ms from now on. That is never
--   before due_from(), where they would not be looked for.
-- Index: parked_id.
-- Locks: the rows.
-- Twice: the same, counted from the second time on.
create or replace function :schema.reschedule(p_queue int, p_ids uuid[], p_delay_ms bigint)
returns int language plpgsql set enable_seqscan = off as $$
declare
  v_count int;
begin
  perform 1 from :schema.parked where queue = p_queue and id = any (p_ids)
    order by number for update;
  update :schema.parked set due = :schema.clock() + p_delay_ms * interval '1 ms'
    where queue = p_queue and id = any (p_ids);
  get diagnostics v_count = row_count;
  return v_count;
end $$
