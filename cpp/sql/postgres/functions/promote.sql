-- Returns: how many parked messages whose time has come went back into their queues, at most p_max;
--   each becomes a block of one.
-- Index: parked_due; primary key of block, at its right edge.
-- Locks: the lanes of the queues; then the rows, those that others hold are passed over.
-- Twice: the next messages.
create or replace function :schema.promote(p_max int) returns int
language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz := :schema.clock();
  v_lanes int[];
  v_count int;
begin
  select array_agg(distinct :schema.returned_lane(due.queue)) into v_lanes from (
    select p.queue from :schema.parked p where p.due <= v_now order by p.due limit p_max) as due;
  if v_lanes is null then
    return 0;
  end if;
  perform :schema.lock_lanes(v_lanes);
  with due as (
    select p.number, l.id as lane from :schema.parked p
    join :schema.lane l on l.queue = p.queue and l.subscription <> 0
    where p.due <= v_now and l.id = any (v_lanes)
    order by p.due limit p_max for update of p skip locked
  ), gone as (
    delete from :schema.parked p using due where p.number = due.number
    returning due.lane, p.queue, p.due, p.number, p.id, p.bytes, p.checksum, p.frames
  ), back as (
    insert into :schema.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select g.lane, nextval(':schema.seq'), 1, g.bytes, g.id, g.id, 0, 0, v_now, g.checksum, g.frames
    from (select * from gone order by due, number) as g
  ), counted as (
    update :schema.totals t set parked = t.parked - c.n
    from (select s.id, count(*) as n from gone g join :schema.subscription s on s.queue = g.queue
          group by s.id) as c
    where t.subscription = c.id
  )
  select count(*) into v_count from gone;
  return v_count;
end $$
