-- Returns: the subscription of a new queue by the name p_name, which reads a log from a place on,
--   see begin_at(); null when it is there already.
-- Index: the unique key of queue; primary keys of follower and cursor.
-- Locks: the source, so that it does not go meanwhile; the directory's row; the log, and its lanes.
-- Twice: null.
create or replace function :schema.subscribe(
  p_log int, p_name text, p_kind int, p_age_ms bigint, p_lane int, p_seq bigint, p_index int)
returns int language plpgsql as $$
declare
  v_queue int;
  v_subscription int;
begin
  perform 1 from :schema.queue q join :schema.log g on g.source = q.id where g.queue = p_log
    for no key update of q;
  if not found then
    raise exception using errcode = 'MQ003', message = 'the queue was deleted; look it up again';
  end if;
  select q.id into v_queue from :schema.queue q where q.name = p_name;
  if found then
    if exists (select 1 from :schema.follower f where f.queue = v_queue and f.log = p_log) then
      return null;
    end if;
    raise exception using errcode = '42710', message =
      format('there is a queue named %L, so no subscription can have this name', p_name);
  end if;
  insert into :schema.queue (name) values (p_name) returning id into v_queue;
  insert into :schema.subscription (queue, name) values (v_queue, '')
    returning id into v_subscription;
  perform 1 from :schema.directory where id = 0 for no key update;
  perform pg_advisory_xact_lock(:schema.space(), p_log);
  insert into :schema.follower (queue, log) values (v_queue, p_log);
  perform :schema.lock_lanes(array(select id from :schema.lane where queue = p_log));
  insert into :schema.cursor (subscription, lane, deletes)
    select v_subscription, id, false from :schema.lane where queue = p_log;
  -- No send commits meanwhile: what was sent is counted exactly.
  insert into :schema.totals (subscription, sent) values (v_subscription, 0);
  update :schema.totals set sent = -(
      select f.sent from :schema.balance(p_name) f) where subscription = v_subscription;
  perform :schema.begin_at(v_subscription, p_log, p_kind, p_age_ms, p_lane, p_seq, p_index);
  update :schema.directory set version = version + 1 where id = 0;
  return v_subscription;
end $$
