-- Returns: nothing; makes a queue with its default subscription, and its lane of this shard and
--   band, as far as they are not there.
-- Index: the unique keys of queue, subscription, lane.
-- Locks: those of the rows, for a short transaction of its own.
-- Twice: changes nothing.
create or replace function :schema.open_queue(p_name text, p_shard int, p_band int) returns void
language plpgsql as $$
declare
  v_queue int;
  v_subscription int;
begin
  insert into :schema.queue (name) values (p_name) on conflict do nothing;
  select id into v_queue from :schema.queue where name = p_name;
  if exists (select 1 from :schema.follower where queue = v_queue) then
    return;  -- nobody sends to a subscription
  end if;
  insert into :schema.subscription (queue, name) values (v_queue, '') on conflict do nothing;
  select id into v_subscription from :schema.subscription where queue = v_queue and name = '';
  insert into :schema.totals (subscription) values (v_subscription) on conflict do nothing;
  perform :schema.make_lane(v_queue, v_subscription, 0, p_shard, p_band);
end $$
