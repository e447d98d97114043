-- Returns: when a message that goes behind others of its key is due. The first that does waits for
--   the decision on the one in hand that stands at p_waits_for, as packed_place() says; 0: on none.
-- Index: parked_key; primary key of away_key.
-- Locks: the key's row.
-- Twice: the same, once it is parked.
create or replace function :schema.due_behind(p_queue int, p_hash bigint, p_waits_for bigint)
returns timestamptz language plpgsql as $$
begin
  if exists (select 1 from :schema.parked p where p.queue = p_queue and p.hash = p_hash) then
    return :schema.held_back();
  end if;
  if p_waits_for <> 0 then
    insert into :schema.away_key as a (queue, hash, in_lane, waits_for)
    values (p_queue, p_hash, 1, p_waits_for)
    on conflict (queue, hash) do update
      set in_lane = a.in_lane + 1, waits_for = excluded.waits_for
      where a.waits_for <> excluded.waits_for;
  end if;
  if exists (select 1 from :schema.away_key a where a.queue = p_queue and a.hash = p_hash) then
    return :schema.held_back();
  end if;
  return :schema.clock();
end $$
