-- Returns: nothing; changes what is set of a queue, null leaves it as it is: whether it is paused,
--   how many messages it may hold, what becomes of more, how long a producer waits for room.
-- Index: primary keys of queue_setting and directory.
-- Locks: the queue, so that it does not go meanwhile; its row; the directory's.
-- Twice: the same.
create or replace function :schema.alter_queue(p_queue int, p_settings bigint[]) returns void
language plpgsql as $$
begin
  perform 1 from :schema.queue where id = p_queue for key share;
  if not found then
    raise exception using errcode = 'MQ003', message = 'the queue was deleted; look it up again';
  end if;
  insert into :schema.queue_setting (queue) values (p_queue) on conflict do nothing;
  update :schema.queue_setting s set
    is_paused = coalesce(p_settings[1] <> 0, s.is_paused),
    length_max = coalesce(p_settings[2], s.length_max),
    overflow = coalesce(p_settings[3], s.overflow),
    overflow_wait_ms = coalesce(p_settings[4], s.overflow_wait_ms),
    is_topic = coalesce(p_settings[5] <> 0, s.is_topic),
    retention_ms = coalesce(p_settings[6], s.retention_ms)
    where s.queue = p_queue;
  if p_settings[5] is not null or p_settings[6] > 0 then
    perform :schema.open_log(p_queue);
    perform 1 from :schema.directory where id = 0 for no key update;
    perform :schema.lock_lanes(array(
      select id from :schema.lane where queue = p_queue and subscription = 0));
    update :schema.lane l set is_topic = s.is_topic from :schema.queue_setting s
      where s.queue = p_queue and l.queue = p_queue and l.subscription = 0;
  end if;
  update :schema.directory set version = version + 1 where id = 0;
end $$
