-- Returns: of these subscriptions the shards of keys of which a process has claims open, with the
--   oldest and the newest of them.
-- Index: primary keys of subscription, floor and owner; the unique key of lane; primary key of
--   claim, from each lane's floor on.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.own_shards(p_process int, p_subscriptions int[])
returns table (subscription int, shard int, oldest bigint, newest bigint)
language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_column
begin
  return query
    select s.id, l.band - 95, min(c.gen), max(c.gen)
    from :schema.subscription s
    join :schema.lane l on l.queue = s.queue and l.band >= 95
    cross join lateral (
      select c.gen, c.owner from :schema.claim c
      where c.subscription = s.id and c.lane = l.id and c.state = 0
        and c.gen >= coalesce((
          select max(f.gen) from :schema.floor f
          where f.subscription = s.id and f.lane = l.id), 0)
      offset 0) as c
    join :schema.owner o on o.id = c.owner
    where s.id = any (p_subscriptions) and o.process = p_process
    group by s.id, l.band;
end $$
