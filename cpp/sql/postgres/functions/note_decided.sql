-- Returns: nothing; so many messages were decided that parked ones of their keys wait for: a key
--   of which none is left comes back next. p_keys: (settle, hash, count) each; those of settles
--   that were lost are passed over.
-- Index: primary key of away_key.
-- Locks: the rows.
-- Twice: counts twice; its caller does not come twice.
create or replace function :schema.note_decided(
  p_subscriptions int[], p_lost int[], p_keys bigint[])
returns void language plpgsql as $$
declare
  v_queue int;
begin
  for i in 1 .. cardinality(p_keys) by 3 loop
    continue when p_keys[i] = any (p_lost);
    select queue into v_queue from :schema.subscription where id = p_subscriptions[p_keys[i]];
    update :schema.away_key set in_lane = in_lane - p_keys[i + 2]
      where queue = v_queue and hash = p_keys[i + 1];
    delete from :schema.away_key
      where queue = v_queue and hash = p_keys[i + 1] and in_lane <= 0;
    if found then
      perform :schema.wake_key(v_queue, p_keys[i + 1]);
    end if;
  end loop;
end $$
