-- Returns: nothing; a queue goes with everything that is in it, its log and its subscriptions, too.
-- Index: primary keys and the unique keys that begin with the queue.
-- Locks: the queues, their settings, the directory's row; the log; then all their cursors; their
--   lanes, and after these those of the log, as those who send take them; the totals, ascending; as
--   purge(); the rows. Who sends and makes or parks some at once, and who promotes, may take them
--   otherwise: the server then ends one of the two, which comes again.
-- Twice: an error: it is not there.
create or replace function :schema.delete_queue(p_queue int) returns void language plpgsql as $$
declare
  v_queues int[];
  v_queue int;
  v_number int;
begin
  perform 1 from :schema.queue where id = p_queue for update;  -- nobody subscribes from now on
  v_queues := :schema.go_with_queue(p_queue);
  perform 1 from :schema.queue where id = any (v_queues) order by id for update;
  perform 1 from :schema.queue_setting where queue = any (v_queues) order by queue for update;
  perform 1 from :schema.directory where id = 0 for no key update;
  v_queues := :schema.go_with_queue(p_queue);  -- without those deleted meanwhile
  perform pg_advisory_xact_lock(:schema.space(), g.queue) from :schema.log g
    where g.queue = any (v_queues);
  for v_number in
    select r.number from :schema.cursor r join :schema.subscription s on s.id = r.subscription
    where s.queue = any (v_queues) order by r.number
  loop
    perform pg_advisory_xact_lock(:schema.space(), v_number);
  end loop;
  perform :schema.lock_lanes(array(
    select l.id from :schema.lane l where l.queue = any (v_queues)
      and not (l.subscription = 0
               and exists (select 1 from :schema.log g where g.queue = l.queue))));
  perform :schema.lock_lanes(array(select id from :schema.lane where queue = any (v_queues)));
  perform 1 from :schema.totals t join :schema.subscription s on s.id = t.subscription
    where s.queue = any (v_queues) order by t.subscription for update of t;
  foreach v_queue in array v_queues loop
    perform :schema.delete_alone(v_queue);
  end loop;
  update :schema.directory set version = version + 1 where id = 0;
end $$
