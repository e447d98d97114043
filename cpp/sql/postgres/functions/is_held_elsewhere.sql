-- Returns: whether another process has claims open of one of these lanes.
-- Index: primary keys of claim and owner.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.is_held_elsewhere(
  p_subscription int, p_lanes int[], p_process int)
returns boolean language plpgsql stable as $$
begin
  return exists (
    select 1 from :schema.claim c join :schema.owner o on o.id = c.owner
    where c.subscription = p_subscription and c.lane = any (p_lanes) and c.state = 0
      and o.process <> p_process);
end $$
