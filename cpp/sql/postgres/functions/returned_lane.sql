-- Returns: the lane through which a queue's messages of a band come back; made when there is none.
-- Index: the unique key of lane.
-- Locks: none.
-- Twice: the same lane.
create or replace function :schema.returned_lane(p_queue int, p_band int) returns int
language plpgsql as $$
declare
  v_subscription int;
  v_lane int;
begin
  select id into v_subscription from :schema.subscription where queue = p_queue;
  select id into v_lane from :schema.lane where queue = p_queue
    and subscription = v_subscription and band = p_band;
  if v_lane is null then
    v_lane := :schema.make_lane(p_queue, v_subscription, v_subscription, 0, p_band);
  end if;
  return v_lane;
end $$
