-- Returns: nothing; holds what a request is about to bring against what its queues may hold. Where
--   that is so set, the oldest that wait make room. Raises MQ005 when there is none: then nothing
--   of the request happens. Whoever brings more for the same queue waits until this transaction
--   ends, so that the bound holds across processes; not for long, see remember().
-- Index: primary keys of queue_setting and subscription's queue; see length_of, drop_oldest.
-- Locks: the owner, shared; the queues' settings, ascending; see drop_oldest.
-- Twice: the same.
create or replace function :schema.make_room(p_owner bigint, p_queues int[], p_counts bigint[])
returns void language plpgsql set lock_timeout = '1s' as $$
declare
  v_each record;
  v_over bigint;
begin
  perform :schema.enter(p_owner);
  for v_each in
    select t.length_max, t.overflow, r.id as subscription, g.n
    from :schema.queue_setting t join :schema.subscription r on r.queue = t.queue
    join unnest(p_queues, p_counts) as g(queue, n) on g.queue = t.queue
    where t.length_max > 0 order by t.queue for no key update of t
  loop
    v_over := :schema.length_of(v_each.subscription, false) + v_each.n - v_each.length_max;
    if v_over > 0 and v_each.overflow = 3 then
      v_over := v_over - :schema.drop_oldest(v_each.subscription, v_over);
    end if;
    if v_over > 0 then
      raise exception using errcode = 'MQ005', message = 'a queue is full';
    end if;
  end loop;
end $$
