-- Returns: how many keys may go on of which messages seem to have come back and are nowhere: they
--   were lost with a damaged or missing block, and which those were nobody knows. Where nothing of
--   a shard's returned lane is to be run or in hand, nothing of its keys is undecided but what
--   others wait for, whose place is known.
-- Index: primary keys of away_key and block; primary key of claim, from the floor on; claim_lapsed.
-- Locks: of each shard the cursor of its returned lane, tried; the rows.
-- Twice: 0.
create or replace function :schema.free_lost_keys() returns int language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_shard record;
  v_newest record;
  v_hash bigint;
  v_count int := 0;
begin
  for v_shard in
    select a.queue, a.shard, s.id as subscription, l.id as lane, m.id as main
    from (select distinct queue, (hash & 15)::int as shard from :schema.away_key) as a
    join :schema.subscription s on s.queue = a.queue
    join :schema.cursor r on r.subscription = s.id
    join :schema.lane m on m.id = r.lane and m.band = 95 + a.shard and m.subscription = 0
    left join :schema.lane l on l.queue = a.queue and l.band = m.band and l.subscription = s.id
    order by m.id
  loop
    continue when v_shard.lane is not null
      and not :schema.try_cursor(v_shard.subscription, v_shard.lane);
    -- In later statements than the lock: what was promoted or claimed before is seen.
    continue when exists (
      select 1 from :schema.claim c
      where c.subscription = v_shard.subscription and c.lane = v_shard.lane
        and c.gen >= coalesce((select max(f.gen) from :schema.floor f
          where f.subscription = v_shard.subscription and f.lane = v_shard.lane), 0)
        and case c.state when 0 then true when 2 then :schema.is_complete(c) else false end);
    select c.pos_seq, c.pos_index into v_newest from :schema.claim c
      where c.subscription = v_shard.subscription and c.lane = v_shard.lane
      order by c.gen desc limit 1;
    continue when exists (
      select 1 from :schema.block b
      where b.lane = v_shard.lane and b.seq >= coalesce(v_newest.pos_seq, 0)
        and (b.seq > coalesce(v_newest.pos_seq, 0) or b.n > v_newest.pos_index));
    for v_hash in
      delete from :schema.away_key a where a.queue = v_shard.queue and a.hash & 15 = v_shard.shard
        and case when a.waits_for = 0 then v_shard.lane is not null  -- else it was made just now
                 else :schema.is_nowhere(v_shard.subscription, v_shard.main, a.waits_for) end
      returning a.hash
    loop
      perform :schema.wake_key(v_shard.queue, v_hash);
      v_count := v_count + 1;
    end loop;
  end loop;
  return v_count;
end $$
