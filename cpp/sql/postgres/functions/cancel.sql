-- Returns: how many parked messages of these ids were called off.
-- Index: parked_id.
-- Locks: the rows; the totals.
-- Twice: 0.
create or replace function :schema.cancel(p_queue int, p_ids uuid[]) returns int
language plpgsql set enable_seqscan = off as $$
declare
  v_count int;
  v_hash bigint;
  v_hashes bigint[];
  v_gone uuid[];
begin
  perform 1 from :schema.parked where queue = p_queue and id = any (p_ids)
    order by number for update;
  v_hashes := array(select distinct hash from :schema.parked
                    where queue = p_queue and id = any (p_ids) and hash is not null);
  v_gone := array(select distinct id from :schema.parked
                  where queue = p_queue and id = any (p_ids));
  delete from :schema.parked where queue = p_queue and id = any (p_ids);
  get diagnostics v_count = row_count;
  perform :schema.forget_messages(array_fill(p_queue, array[cardinality(v_gone)]), v_gone);
  foreach v_hash in array v_hashes loop
    perform :schema.wake_key(p_queue, v_hash);
  end loop;
  update :schema.totals set parked = parked - v_count, cancelled = cancelled + v_count
    where v_count > 0
      and subscription = (select id from :schema.subscription where queue = p_queue);
  return v_count;
end $$
