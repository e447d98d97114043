-- Returns: how many claims a process has open, without those that are ending, and how many of them
--   are suspects.
-- Index: see live_claims; primary key of owner.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.count_held(
  p_process int, p_ending :schema.claim[], out n bigint, out suspects bigint)
language sql stable as $$
  select count(*), count(*) filter (where c.is_suspect)
  from :schema.live_claims() c join :schema.owner o on o.id = c.owner
  where c.state = 0 and o.process = p_process
    and not exists (select 1 from unnest(p_ending) as e where e.gen = c.gen)
$$
