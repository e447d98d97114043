-- Returns: how many of the messages that were stored first and never claimed were taken out of a
--   queue, p_count at most. Those of keys stay: who comes behind would be taken for the first.
-- Index: primary keys of cursor, claim, from the right, and block, from the position on;
--   dedup_message.
-- Locks: the cursors of the queue, ascending; the totals; rows of dedup ids.
-- Twice: takes the next ones.
create or replace function :schema.drop_oldest(p_subscription int, p_count bigint) returns bigint
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_cursor record;
  v_old record;
  v_take int;
  v_seq bigint;
  v_index int;
  v_lanes int[] := '{}';
  v_dropped bigint := 0;
  v_queue int;
  v_has_dedup boolean;
begin
  select queue into v_queue from :schema.subscription where id = p_subscription;
  v_has_dedup := exists (select 1 from :schema.dedup d where d.queue = v_queue and d.kind > 0);
  for v_cursor in
    select r.number from :schema.cursor r join :schema.lane l on l.id = r.lane
    where r.subscription = p_subscription and l.band < 95 order by r.number
  loop
    perform pg_advisory_xact_lock(:schema.space(), v_cursor.number);
  end loop;
  while v_dropped < p_count loop
    select r.lane, newest.gen, newest.state, b.seq, b.n,
           case when b.seq = newest.pos_seq then newest.pos_index else 0 end as index
      into v_old
      from :schema.cursor r join :schema.lane l on l.id = r.lane and l.band < 95
      left join lateral (
        select c.gen, c.state, c.pos_seq, c.pos_index from :schema.claim c
        where c.subscription = r.subscription and c.lane = r.lane
        order by c.gen desc limit 1) as newest on true
      cross join lateral (
        select e.seq, e.n from :schema.block e
        where e.lane = r.lane and e.seq >= coalesce(newest.pos_seq, 0)
          and (e.seq = newest.pos_seq and newest.pos_index >= e.n) is not true
        order by e.seq limit 1) as b
      where r.subscription = p_subscription
      order by b.seq limit 1;
    exit when not found;
    v_take := least(v_old.n - v_old.index, p_count - v_dropped);
    v_seq := v_old.seq + (v_take = v_old.n - v_old.index)::int;
    v_index := case when v_seq > v_old.seq then 0 else v_old.index + v_take end;
    insert into :schema.claim
      (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner, request, kind, state,
       attempt, crashes, is_suspect, until, lease_ms, n, pos_seq, pos_index, prev_gen)
    values (p_subscription, v_old.lane, nextval(':schema.gen'), v_seq, v_index, v_seq, v_index, 0,
            0, 2, 1, 0, 0, false, :schema.clock(), 0, 0, v_seq, v_index, coalesce(v_old.gen, 0));
    if v_old.state = 1 then
      delete from :schema.claim c where c.subscription = p_subscription and c.lane = v_old.lane
        and c.gen = v_old.gen;
    end if;
    if v_has_dedup then
      perform :schema.forget_messages(array_agg(v_queue), array_agg(m.id))
        from :schema.block b cross join lateral :schema.decode_block(b.frames) as m
        where b.lane = v_old.lane and b.seq = v_old.seq
          and m.index >= v_old.index and m.index < v_old.index + v_take;
    end if;
    v_dropped := v_dropped + v_take;
    v_lanes := v_lanes || v_old.lane;
  end loop;
  perform :schema.sweep_lane(p_subscription, lane, 0)
    from (select distinct unnest(v_lanes) as lane) as touched;
  update :schema.totals set purged = purged + v_dropped
    where subscription = p_subscription and v_dropped > 0;
  return v_dropped;
end $$
