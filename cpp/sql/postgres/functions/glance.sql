-- Returns: all that an idle process has to know, in one answer: the directory's version; how many
--   processes there are; whether one may be dead; whether a lease is over; the milliseconds until
--   the next parked message; whether users have sent something; the subscriptions that find
--   something to claim in p_lanes, or in any lane; and the lanes with blocks behind every claim, to
--   be swept.
-- Index: primary keys of block, lane, subscription's queue, claim from the right, outbox from the
--   mark on; parked_due; claim_lapsed. Of all lanes only those with blocks are looked at.
-- Locks: those of dead processes, shared, to the end of the transaction.
-- Twice: the same. It writes nothing.
create or replace function :schema.glance(
  p_process int, p_late_ms bigint, p_mark bigint, p_all boolean, p_lanes int[],
  out version bigint, out processes bigint, out may_be_dead boolean, out is_over boolean,
  out due_in_ms bigint, out has_outbox boolean, out work int[], out left_subscriptions int[],
  out left_lanes int[])
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := :schema.clock();
  v_lane int := 0;
  v_reader int;
  v_at record;
  v_floor record;
begin
  select d.version into version from :schema.directory d where d.id = 0;
  select count(*) into processes from :schema.process p where not p.is_dead;
  may_be_dead := exists (  -- as look_at_processes() finds them
    select 1 from :schema.process p where p.id <> p_process and not p.is_dead
      and case when p.has_lock then pg_try_advisory_xact_lock_shared(:schema.space(), p.id)
               else p.heartbeat_at < clock_timestamp() - p_late_ms * interval '1 ms' end);
  is_over := exists (  -- as live_claims() walks: from cursor to claim, and never the other way
    select 1 from :schema.cursor r cross join lateral (
      select c.until from :schema.claim c
      where c.subscription = r.subscription and c.lane = r.lane and c.state = 0
        and c.gen >= coalesce((
          select max(f.gen) from :schema.floor f
          where f.subscription = r.subscription and f.lane = r.lane), 0)
      offset 0) as c
    where c.until <= v_now);
  due_in_ms := :schema.next_due_ms();
  has_outbox := exists (select 1 from :schema.outbox o where o.xid >= p_mark::text::xid8);
  work := array(select distinct c.subscription from :schema.claim c where c.state = 2);
  left_subscriptions := '{}';
  left_lanes := '{}';
  if p_all then
    loop
      select b.lane into v_lane from :schema.block b where b.lane > v_lane order by b.lane limit 1;
      exit when not found;
      p_lanes := p_lanes || v_lane;
    end loop;
  end if;
  foreach v_lane in array p_lanes loop
    for v_reader in
      select s.id from :schema.lane l join :schema.subscription s
        on s.queue = l.queue and l.subscription in (0, s.id) where l.id = v_lane
      union all
      select s.id from :schema.lane l join :schema.follower f on f.log = l.queue
        join :schema.subscription s on s.queue = f.queue where l.id = v_lane
    loop
      select c.pos_seq, c.pos_index into v_at from :schema.claim c
        where c.subscription = v_reader and c.lane = v_lane order by c.gen desc limit 1;
      if exists (select 1 from :schema.block b
                 where b.lane = v_lane and b.seq >= coalesce(v_at.pos_seq, 0)
                   and (b.seq > coalesce(v_at.pos_seq, 0) or b.n > v_at.pos_index)) then
        work := work || v_reader;
        continue;
      end if;
      continue when exists (select 1 from :schema.cursor r where r.subscription = v_reader
                            and r.lane = v_lane and not r.deletes);  -- see sweep_logs
      select f.gen, f.seq into v_floor from :schema.floor f
        where f.subscription = v_reader and f.lane = v_lane order by f.gen desc limit 1;
      if exists (select 1 from :schema.block b where b.lane = v_lane
                   and b.seq >= coalesce(v_floor.seq, 0) and b.seq < v_at.pos_seq)
        and not exists (select 1 from :schema.claim c where c.subscription = v_reader
                        and c.lane = v_lane and c.state <> 1
                        and c.gen >= coalesce(v_floor.gen, 0)) then
        left_subscriptions := left_subscriptions || v_reader;
        left_lanes := left_lanes || v_lane;
      end if;
    end loop;
  end loop;
end $$
