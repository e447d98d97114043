-- Returns: whether another process has claims open of one of these lanes.
-- Index: primary key of claim, from each lane's floor on; primary keys of floor and owner.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.is_held_elsewhere(
  p_subscription int, p_lanes int[], p_process int)
returns boolean language plpgsql stable as $$
begin
  return exists (
    select 1 from unnest(p_lanes) as given(lane)
    cross join lateral (
      select c.owner from :schema.claim c
      where c.subscription = p_subscription and c.lane = given.lane and c.state = 0
        and c.gen >= coalesce((
          select max(f.gen) from :schema.floor f
          where f.subscription = p_subscription and f.lane = given.lane), 0)
      offset 0) as c
    join :schema.owner o on o.id = c.owner
    where o.process <> p_process);
end $$
