-- Returns: as find_remembered(), of those that are remembered for another message than this one.
-- Index: primary key of dedup.
-- Locks: none.
-- Twice: reads only.
create or replace function :schema.find_others(p_queues int[], p_ids text[], p_messages uuid[])
returns text language sql volatile set enable_seqscan = off set jit = off as $$
  select string_agg(format('%s %s %s', w.number, d.message, d.digest), ',' order by w.number)
  from unnest(p_queues, p_ids, p_messages) with ordinality as w(queue, id, message, number)
  join :schema.dedup d on d.queue = w.queue and d.id = w.id
  where d.message <> w.message
$$
