-- Returns: nothing; a queue goes with everything that is in it, its
--   subscriptions, too.
-- Index: primary keys and the unique keys that begin with the queue.
-- Locks: as purge(), and the rows.
-- Twice: an error: it is not there.
create or replace function :schema.delete_queue(p_queue int) returns void language plpgsql as $$
declare
  v_subscription int;
  v_other int;
begin
  select id into v_subscription from :schema.subscription where queue = p_queue;
  -- As those who send take them, before the lanes.
  perform 1 from :schema.queue where id = p_queue for update;
  perform 1 from :schema.queue_setting where queue = p_queue for update;
  perform 1 from :schema.directory where id = 0 for no key update;
  for v_other in
    select f.queue from :schema.log g join :schema.follower f on f.log = g.queue
      where g.source = p_queue
    union all select g.queue from :schema.log g where g.source = p_queue
  loop
    perform :schema.delete_queue(v_other);
  end loop;
  perform :schema.purge(p_queue);
  delete from :schema.block where lane in (select id from :schema.lane where queue = p_queue);
  delete from :schema.dead_letter where queue = p_queue;
  delete from :schema.dedup where (queue, id) in (
    select queue, id from :schema.dedup where queue = p_queue for update skip locked);
  delete from :schema.claim where subscription = v_subscription;
  delete from :schema.floor where subscription = v_subscription;
  delete from :schema.rate where subscription = v_subscription;
  delete from :schema.reader where subscription = v_subscription;
  delete from :schema.cursor where subscription = v_subscription;
  delete from :schema.lane where queue = p_queue;
  delete from :schema.queue_setting where queue = p_queue;
  delete from :schema.totals where subscription = v_subscription;
  delete from :schema.flushed where subscription = v_subscription;
  delete from :schema.subscription where queue = p_queue;
  delete from :schema.follower where queue = p_queue;
  delete from :schema.log where queue = p_queue;
  delete from :schema.queue where id = p_queue;
  update :schema.directory set version = version + 1 where id = 0;
end $$
