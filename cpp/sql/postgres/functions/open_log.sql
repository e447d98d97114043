-- Returns: the log of a queue, made where there is none, with a lane for each that the queue is
--   sent to. From its commit on every block goes there, too: the server sees to that (append), so
--   that no sender has to know. What was sent before is not kept.
-- Index: the unique keys of log, queue, subscription, lane; see balance.
-- Locks: the queue, so that it does not go meanwhile; the directory's row; the queue's lanes.
-- Twice: the same log.
create or replace function :schema.open_log(p_queue int) returns int language plpgsql as $$
declare
  v_log int;
  v_lane int;
begin
  perform 1 from :schema.queue where id = p_queue for no key update;
  if not found then
    raise exception using errcode = 'MQ003', message = 'the queue was deleted; look it up again';
  end if;
  select queue into v_log from :schema.log where source = p_queue;
  if found then
    return v_log;
  end if;
  insert into :schema.queue (name) select name || E'\x01' from :schema.queue where id = p_queue
    returning id into v_log;
  insert into :schema.subscription (queue, name) values (v_log, '');
  insert into :schema.totals (subscription)
    select id from :schema.subscription where queue = v_log;
  perform 1 from :schema.directory where id = 0 for no key update;  -- no lane is made meanwhile
  perform :schema.lock_lanes(array(
    select id from :schema.lane where queue = p_queue and subscription = 0));
  update :schema.totals t set sent = before.sent, purged = before.sent  -- not kept
    from :schema.balance((select name from :schema.queue where id = p_queue)) as before
    where t.subscription = (select id from :schema.subscription where queue = v_log);
  insert into :schema.log (queue, source) values (v_log, p_queue);
  for v_lane in select id from :schema.lane where queue = p_queue and subscription = 0 order by id
  loop
    perform :schema.log_lane(v_log, v_lane);
  end loop;
  update :schema.directory set version = version + 1 where id = 0;
  return v_log;
end $$
