-- Returns: the lane of a queue with this shard and band, made with its cursor when there is none.
-- Index: the unique key of lane; primary key of cursor.
-- Locks: those of the rows; the directory's, to the end of the transaction.
-- Twice: the same lane.
create or replace function :schema.make_lane(
  p_queue int, p_subscription int, p_private int, p_shard int, p_band int)
returns int language plpgsql as $$
declare
  v_lane int;
  v_log int;
begin
  select l.id into v_lane from :schema.lane l join :schema.cursor r
    on r.lane = l.id and r.subscription = p_subscription
    where l.queue = p_queue and l.subscription = p_private and l.band = p_band
      and l.shard = p_shard and l.epoch = 0;
  if found then
    return v_lane;
  end if;
  perform 1 from :schema.directory where id = 0 for no key update;
  insert into :schema.lane (queue, subscription, band, shard, epoch)
  values (p_queue, p_private, p_band, p_shard, 0) on conflict do nothing;
  select id into v_lane from :schema.lane
    where queue = p_queue and subscription = p_private and band = p_band and shard = p_shard
      and epoch = 0;
  insert into :schema.cursor (subscription, lane, deletes) values (p_subscription, v_lane, true)
  on conflict do nothing;
  if found then
    select queue into v_log from :schema.log where source = p_queue;
    if found and p_private = 0 then
      perform :schema.log_lane(v_log, v_lane);
    end if;
    update :schema.directory set version = version + 1 where id = 0;
  end if;
  return v_lane;
end $$
