-- Returns: the milliseconds until the next parked message is due, from due_from() on; null when
--   none is. Those that wait for others of their keys, or for the process that has
--   their shard, do not count.
-- Index: parked_due.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.next_due_ms() returns bigint
language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_from timestamptz := :schema.due_from();
begin
  return (select extract(epoch from min(p.due) - :schema.clock()) * 1000 from :schema.parked p
          where p.due >= v_from and p.due < :schema.held_back()
            -- Overdue ones of keys wait for the process that has their shard.
            and (p.hash is null or p.due > :schema.clock() - interval '1 s'));
end $$
