-- Returns: the subscription of a new queue by the name p_name, which reads the log of p_source from
--   a place on, see begin_at(); null when it is there already. Raises MQ007, see check_kept().
-- Index: the unique key of queue; primary keys of follower and cursor.
-- Locks: those of open_log(); the directory's row; the log, and its lanes.
-- Twice: null.
create or replace function :schema.subscribe(
  p_source int, p_name text, p_kind int, p_age_ms bigint, p_lane int, p_seq bigint, p_index int)
returns int language plpgsql as $$
declare
  v_log int := :schema.open_log(p_source);
  v_queue int;
  v_subscription int;
begin
  -- Under its lock: its subscriptions are called after it.
  if not exists (select 1 from :schema.queue s where s.id = p_source
                 and left(p_name, length(s.name) + 1) = s.name || '@') then
    raise exception using errcode = 'MQ003', message = 'the queue was renamed; look it up again';
  end if;
  select q.id into v_queue from :schema.queue q where q.name = p_name;
  if found then
    if exists (select 1 from :schema.follower f where f.queue = v_queue and f.log = v_log) then
      return null;
    end if;
    raise exception using errcode = '42710', message =
      format('there is a queue named %L, so no subscription can have this name', p_name);
  end if;
  insert into :schema.queue (name) values (p_name) returning id into v_queue;
  insert into :schema.subscription (queue, name) values (v_queue, '')
    returning id into v_subscription;
  perform 1 from :schema.directory where id = 0 for no key update;
  perform pg_advisory_xact_lock(:schema.space(), v_log);
  perform :schema.check_kept(v_log, p_kind, p_age_ms, p_lane, p_seq);
  insert into :schema.follower (queue, log) values (v_queue, v_log);
  perform :schema.lock_lanes(array(select id from :schema.lane where queue = v_log));
  insert into :schema.cursor (subscription, lane, deletes)
    select v_subscription, id, false from :schema.lane where queue = v_log;
  -- No send commits meanwhile: what was sent is counted exactly.
  insert into :schema.totals (subscription, sent) values (v_subscription, 0);
  update :schema.totals set sent = -(
      select f.sent from :schema.balance(p_name) f) where subscription = v_subscription;
  perform :schema.begin_at(v_subscription, v_log, p_kind, p_age_ms, p_lane, p_seq, p_index);
  update :schema.directory set version = version + 1 where id = 0;
  return v_subscription;
end $$
