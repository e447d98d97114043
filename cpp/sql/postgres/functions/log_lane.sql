-- Returns: the lane of a log into which the blocks of a queue's lane go, made with the cursors of
--   all who read it.
-- Index: primary key of lane; that of cursor.
-- Locks: none of its own. REQUIRES: the directory's row.
-- Twice: a constraint error.
create or replace function :schema.log_lane(p_log int, p_lane int) returns int
language plpgsql as $$
declare
  v_lane int;
begin
  insert into :schema.lane (queue, subscription, band, shard, epoch)
    select p_log, 0, band, shard, epoch from :schema.lane where id = p_lane
    returning id into v_lane;
  update :schema.lane set log = v_lane,
      is_topic = coalesce((select t.is_topic from :schema.queue_setting t
                           where t.queue = lane.queue), false)
    where id = p_lane;
  insert into :schema.cursor (subscription, lane, deletes)
    select s.id, v_lane, false from :schema.follower f
    join :schema.subscription s on s.queue = f.queue where f.log = p_log;
  return v_lane;
end $$
