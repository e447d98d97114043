-- Returns: how many parked messages whose time has come went back into their queues, at most
--   p_max, those of keys excepted; each becomes a block of one; of those delayed by their producers
--   one in the queue's log, too, of a topic there alone. They are sought from due_from() on;
--   p_from_left: all of them, as a transaction may have ended long after it had drawn its due time.
-- Index: parked_due; primary key of block, at its right edge; primary key of due_floor.
-- Locks: the owner, shared; the lanes of the queues; then the rows, those that others hold are
--   passed over.
-- Twice: an error: (owner, request) is in flushed.
create or replace function :schema.promote(
  p_owner bigint, p_request bigint, p_max int, p_from_left boolean)
returns int
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := :schema.clock();
  v_floor timestamptz := v_now - interval '200 ms';  -- before it, mostly, all have committed
  v_from timestamptz := :schema.due_from();
  v_left timestamptz := case when p_from_left then '-infinity' else v_from end;
  v_queues int[];
  v_bands int[];
  v_lanes int[];
  v_logs int[];  -- beside the lanes: those of logs, where there are
  v_seen int;
  v_count int;
begin
  select array_agg(due.queue), array_agg(due.band), sum(due.n) into v_queues, v_bands, v_seen from (
    select d.queue, d.band, count(*) as n from (
      select p.queue, p.band from :schema.parked p where p.due >= v_left and p.due <= v_now
        and p.hash is null
      order by p.due limit p_max) as d group by d.queue, d.band) as due;
  if v_seen is null then
    return 0;
  end if;
  perform :schema.enter(p_owner);
  v_lanes := array(select :schema.returned_lane(q, b) from unnest(v_queues, v_bands) as e(q, b)
                   order by q, b);
  v_logs := array(select :schema.any_log_lane(q, b) from unnest(v_queues, v_bands) as e(q, b)
                  order by q, b);
  perform :schema.lock_lanes(v_lanes);
  perform :schema.lock_lanes(array_remove(v_logs, null));
  with due as (
    select p.number, coalesce(t.is_topic, false) and p.kind = 0 as is_topic, l.id as lane,
           case when p.kind = 0 then v_logs[array_position(v_lanes, l.id)] end as log
    from :schema.parked p
    join :schema.lane l on l.queue = p.queue and l.subscription <> 0
      and l.band = p.band
    left join :schema.queue_setting t on t.queue = p.queue
    where p.due >= v_left and p.due <= v_now and l.id = any (v_lanes) and p.hash is null
    order by p.due limit p_max for update of p skip locked
  ), gone as (
    delete from :schema.parked p using due where p.number = due.number
    returning due.lane, due.log, due.is_topic, p.queue, p.due, p.number, p.id, p.bytes,
              p.checksum, p.frames
  ), back as (
    insert into :schema.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select t.lane, nextval(':schema.seq'), 1, g.bytes, g.id, g.id, 0, 0, v_now, g.checksum, g.frames
    from (select * from gone order by due, number) as g
    cross join lateral (values (case when not g.is_topic then g.lane end), (g.log)) as t(lane)
    where t.lane is not null
  ), counted as (  -- no update of the totals: each would leave a dead row to walk over
    insert into :schema.flushed (owner, request, part, subscription, parked, done, sent)
    select p_owner, p_request, 5, s.id, -count(*), sum(g.is_topic::int), 0
    from gone g join :schema.subscription s on s.queue = g.queue group by s.id
    union all
    select p_owner, p_request, 5, s.id, 0, 0, count(*)
    from gone g join :schema.lane m on m.id = g.log
    join :schema.subscription s on s.queue = m.queue group by s.id
  )
  select count(*) into v_count from gone;
  -- Others may have taken of these queues meanwhile, and more may be due of others: v_seen.
  if greatest(v_seen, v_count) < p_max and v_from < v_floor - interval '100 ms' then
    insert into :schema.due_floor values (v_floor) on conflict do nothing;
    delete from :schema.due_floor where due >= v_from and due < v_floor;
  elsif v_from >= v_floor then  -- the clock was set back
    delete from :schema.due_floor where due > v_floor;
  end if;
  return v_count;
end $$
