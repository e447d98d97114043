-- Returns: of these subscriptions the shards of keys of which a process has claims open, with the
--   oldest and the newest of them.
-- Index: primary keys of cursor, lane, floor and owner; primary key of claim, from each lane's
--   floor on.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.own_shards(p_process int, p_subscriptions int[])
returns table (subscription int, shard int, oldest bigint, newest bigint)
language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_column
begin
  return query
    select r.subscription, l.band - 95, min(c.gen), max(c.gen)
    from :schema.cursor r
    join :schema.lane l on l.id = r.lane and l.band >= 95
    cross join lateral (
      select c.gen, c.owner from :schema.claim c
      where c.subscription = r.subscription and c.lane = r.lane and c.state = 0
        and c.gen >= coalesce((
          select max(f.gen) from :schema.floor f
          where f.subscription = r.subscription and f.lane = r.lane), 0)
      offset 0) as c
    join :schema.owner o on o.id = c.owner
    where r.subscription = any (p_subscriptions) and o.process = p_process
    group by r.subscription, l.band;
end $$
