-- Returns: nothing; forgets the dedup ids of messages that are over, where they are remembered
--   for so long.
-- Index: dedup_message.
-- Locks: the rows.
-- Twice: nothing the second time.
create or replace function :schema.forget_messages(p_queues int[], p_messages uuid[])
returns void language sql volatile set enable_seqscan = off set jit = off as $$
  delete from :schema.dedup d using unnest(p_queues, p_messages) as m(queue, message)
  where d.queue = m.queue and d.message = m.message and d.kind > 0
$$
