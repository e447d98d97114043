-- Returns: the queues that go when this one is deleted: its subscriptions, its log, itself last.
-- Index: the unique key of log; follower_log.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.go_with_queue(p_queue int) returns int[]
language sql stable as $$
  select array(select f.queue from :schema.log g join :schema.follower f on f.log = g.queue
               where g.source = p_queue order by f.queue)
         || array(select g.queue from :schema.log g where g.source = p_queue) || p_queue
$$
