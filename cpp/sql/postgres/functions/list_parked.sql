-- Returns: parked messages of a queue behind (id, number), by id.
-- Index: parked_id.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.list_parked(p_queue int, p_id uuid, p_number bigint, p_max int)
returns table (number bigint, due_in_ms bigint, parked_ago_ms bigint, frames bytea)
language sql as $$
  select p.number, (extract(epoch from p.due - :schema.clock()) * 1000)::bigint,
         (extract(epoch from :schema.clock() - p.parked_at) * 1000)::bigint, p.frames
  from :schema.parked p
  where p.queue = p_queue and (p.id, p.number) > (p_id, p_number)
  order by p.id, p.number limit p_max
$$
