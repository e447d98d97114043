-- Returns: nothing; deletes one of the queues that delete_queue() holds.
-- Index: primary keys and the unique keys that begin with the queue.
-- Locks: as purge(), and the rows. REQUIRES: what delete_queue() locks.
-- Twice: harmless.
create or replace function :schema.delete_alone(p_queue int) returns void language plpgsql as $$
declare
  v_subscription int := (select id from :schema.subscription where queue = p_queue);
begin
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
  delete from :schema.flushed where ctid = any (array(  -- who folds some finds no totals
    select f.ctid from :schema.flushed f where f.subscription = v_subscription
    for update skip locked));
  delete from :schema.subscription where queue = p_queue;
  delete from :schema.follower where queue = p_queue;
  delete from :schema.log where queue = p_queue;
  delete from :schema.queue where id = p_queue;
end $$
