-- Returns: the last of the p_max keys behind (p_queue, p_hash) that were looked at; null when there
--   were fewer. Of each whose first parked message waits for those before it, and of which nothing
--   came back that is undecided, that message comes due: a message that goes behind others while
--   these are called off is seen by neither, and would wait for ever.
-- Index: parked_key, once for each key; primary key of away_key.
-- Locks: the rows, one a key.
-- Twice: the next keys.
create or replace function :schema.wake_held_back(
  p_queue int, p_hash bigint, p_max int, out queue int, out hash bigint)
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_variable
declare
  v_first record;
begin
  queue := p_queue; hash := p_hash;
  for n in 1 .. p_max loop
    select p.queue, p.hash, p.due into v_first from :schema.parked p
      where p.hash is not null and (p.queue, p.hash) > (queue, hash)
      order by p.queue, p.hash, p.place_seq, p.place_index limit 1;
    if not found then
      queue := null; hash := null;
      return;
    end if;
    queue := v_first.queue; hash := v_first.hash;
    if v_first.due = :schema.held_back() and not exists (
      select 1 from :schema.away_key a where a.queue = v_first.queue and a.hash = v_first.hash) then
      perform :schema.wake_key(queue, hash);
    end if;
  end loop;
end $$
