-- Returns: dead letters behind a number, oldest first; of all queues when p_queue is 0, of these
--   ids alone when there are any.
-- Index: primary key of dead_letter; dead_letter_id.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.list_dead(p_queue int, p_after bigint, p_ids uuid[], p_max int)
returns table (number bigint, queue int, reason text, died_ago_ms bigint, frames bytea)
language sql as $$
  select d.number, d.queue, d.reason, (extract(epoch
    from :schema.clock() - d.died_at) * 1000)::bigint,
         d.frames
  from :schema.dead_letter d
  where d.number > p_after and (p_queue = 0 or d.queue = p_queue)
    and (cardinality(p_ids) = 0 or d.id = any (p_ids))
  order by d.number limit p_max
$$
