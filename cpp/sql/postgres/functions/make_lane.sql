-- Returns: the lane of a queue with this shard and band, made with its cursor when there is none.
-- Index: the unique key of lane; primary key of cursor.
-- Locks: those of the rows; the directory's, to the end of the transaction.
-- Twice: the same lane.
create or replace function :schema.make_lane(
  p_queue int, p_subscription int, p_private int, p_shard int, p_band int)
returns int language plpgsql as $$
declare
  v_lane int;
begin
  insert into :schema.lane (queue, subscription, band, shard, epoch)
  values (p_queue, p_private, p_band, p_shard, 0) on conflict do nothing;
  select id into v_lane from :schema.lane
    where queue = p_queue and subscription = p_private and band = p_band and shard = p_shard
      and epoch = 0;
  insert into :schema.cursor (subscription, lane, deletes) values (p_subscription, v_lane, true)
  on conflict do nothing;
  if found then
    update :schema.directory set version = version + 1 where id = 0;
  end if;
  return v_lane;
end $$
