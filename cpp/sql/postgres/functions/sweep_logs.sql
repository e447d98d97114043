-- Returns: whether there is more to delete: of each lane of a log up to 64 blocks that everybody
--   who reads it has behind himself, and that are older than the queue's retention.
-- Index: primary keys of log, follower, cursor; primary key of claim, from the right and from the
--   cursor's floor on; primary key of block, from the left.
-- Locks: the log, tried, so that nobody goes back meanwhile; the rows.
-- Twice: the next ones.
create or replace function :schema.sweep_logs() returns boolean language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_lane record;
  v_end bigint;
  v_blocks int;
  v_gone bigint;
  v_more boolean := false;
begin
  for v_lane in
    select g.queue as log, l.id, s.id as subscription,
           coalesce(t.retention_ms, 0) * interval '1 ms' as retention
    from :schema.log g join :schema.lane l on l.queue = g.queue
    join :schema.subscription s on s.queue = g.queue
    left join :schema.queue_setting t on t.queue = g.source order by l.id
  loop
    continue when not pg_try_advisory_xact_lock(:schema.space(), v_lane.log);
    -- Later than the lock: nobody goes back behind what is seen now.
    select coalesce(min(least(coalesce(newest.pos_seq, 0), live.seq)), 9223372036854775807)
      into v_end
    from :schema.follower f join :schema.subscription s on s.queue = f.queue
    left join lateral (
      select c.pos_seq from :schema.claim c where c.subscription = s.id and c.lane = v_lane.id
      order by c.gen desc limit 1) as newest on true
    left join lateral (
      select min(c.lo_seq) as seq from :schema.claim c
      where c.subscription = s.id and c.lane = v_lane.id and c.state <> 1 and c.gen >= coalesce((
        select max(o.gen) from :schema.floor o
        where o.subscription = s.id and o.lane = v_lane.id), 0)) as live on true
    where f.log = v_lane.log;
    with old as (
      select b.seq, b.at from :schema.block b where b.lane = v_lane.id and b.seq < v_end
      order by b.seq limit 64
    ), gone as (
      delete from :schema.block b using old where b.lane = v_lane.id and b.seq = old.seq
        and old.at <= :schema.clock() - v_lane.retention
      returning b.n
    )
    select count(*), coalesce(sum(n), 0) into v_blocks, v_gone from gone;
    v_more := v_more or v_blocks = 64;
    if v_gone > 0 then
      update :schema.totals set purged = purged + v_gone where subscription = v_lane.subscription;
    end if;
  end loop;
  return v_more;
end $$
