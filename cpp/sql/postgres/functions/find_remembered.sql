-- Returns: "number message digest," of each of these dedup ids that is remembered; null for none.
-- Index: primary key of dedup.
-- Locks: none.
-- Twice: reads only.
create or replace function :schema.find_remembered(
  p_queues int[], p_ids text[], p_now timestamptz)
returns text language sql stable set enable_seqscan = off set jit = off as $$
  select string_agg(format('%s %s %s', w.number, d.message, d.digest), ',' order by w.number)
  from unnest(p_queues, p_ids) with ordinality as w(queue, id, number)
  join :schema.dedup d on d.queue = w.queue and d.id = w.id
  where d.until > p_now
$$
