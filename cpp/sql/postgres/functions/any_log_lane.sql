-- Returns: a lane of a queue's log for messages of a band, made where there is none; null: there is
--   no log.
-- Index: the unique keys of log and lane.
-- Locks: those of make_lane().
-- Twice: the same lane.
create or replace function :schema.any_log_lane(p_queue int, p_band int) returns int
language plpgsql as $$
declare
  v_log int;
  v_lane int;
begin
  select queue into v_log from :schema.log where source = p_queue;
  if not found then
    return null;
  end if;
  select min(id) into v_lane from :schema.lane
    where queue = v_log and subscription = 0 and band = p_band;
  if v_lane is null then
    select log into v_lane from :schema.lane where id = :schema.make_lane(
      p_queue, (select id from :schema.subscription where queue = p_queue), 0, 0, p_band);
  end if;
  return v_lane;
end $$
