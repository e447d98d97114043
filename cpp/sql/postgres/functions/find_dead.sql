-- Returns: the dead letters of a queue with these ids, oldest first; as list_dead() does.
-- Index: dead_letter_id.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.find_dead(p_queue int, p_ids uuid[])
returns table (number bigint, queue int, reason text, died_ago_ms bigint, frames bytea)
language sql as $$
  select d.number, d.queue, d.reason, (extract(epoch
    from :schema.clock() - d.died_at) * 1000)::bigint,
         d.frames
  from (select distinct w.id from unnest(p_ids) as w(id)) as wanted
  cross join lateral (
    select * from :schema.dead_letter each where each.queue = p_queue and each.id = wanted.id
  ) as d
  order by d.number
$$
