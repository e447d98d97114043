-- Returns: how many messages of a queue were taken out of it: waiting, leased and parked ones.
--   Claims end; whoever holds one finds it lost. The blocks are left to sweep_lane().
-- Index: primary keys of cursor and claim.
-- Locks: the cursors; the lanes, as appends take them before they settle; the claims, an error when
--   one is being settled; the parked rows.
-- Twice: 0.
create or replace function :schema.purge(p_queue int) returns bigint language plpgsql as $$
declare
  v_subscription int;
  v_cursor record;
  v_claim record;
  v_acked int := 0;
  v_before record;
  v_newest bigint;
  v_parked bigint;
  v_end bigint;
  v_gone bigint;
begin
  select id into v_subscription from :schema.subscription where queue = p_queue;
  for v_cursor in select * from :schema.cursor where subscription = v_subscription order by number
    loop
    perform pg_advisory_xact_lock(:schema.space(), v_cursor.number);
  end loop;
  perform :schema.lock_lanes(
    array(select lane from :schema.cursor where subscription = v_subscription));
  perform 1 from :schema.claim where subscription = v_subscription order by lane, gen
    for update nowait;
  for v_claim in select gen, done, n from :schema.claim
    where subscription = v_subscription and state = 0
  loop
    v_acked := v_acked + :schema.ones(:schema.take_acks(v_claim.gen, v_claim.done, v_claim.n))
               - :schema.ones(v_claim.done);
  end loop;
  perform :schema.count_acks(array[v_subscription], array[v_acked]);
  delete from :schema.parked where queue = p_queue;
  get diagnostics v_parked = row_count;  -- what is parked from now on stays, and is not counted
  delete from :schema.away_key where queue = p_queue;
  delete from :schema.dedup where queue = p_queue and kind > 0;
  select * into v_before from :schema.balance((select name from :schema.queue where id = p_queue));
  for v_cursor in select * from :schema.cursor where subscription = v_subscription order by number
    loop
    select max(gen) into v_newest from :schema.claim
      where subscription = v_subscription and lane = v_cursor.lane;
    delete from :schema.claim where subscription = v_subscription and lane = v_cursor.lane;
    v_end := nextval(':schema.seq');
    insert into :schema.claim
      (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner, request, kind, state,
        attempt,
       crashes, is_suspect, until, lease_ms, n, pos_seq, pos_index, prev_gen)
    values (v_subscription, v_cursor.lane, nextval(':schema.gen'), v_end, 0, v_end, 0, 0, 0, 2, 1,
      0, 0,
            false, :schema.clock(), 0, 0, v_end, 0, coalesce(v_newest, 0));
  end loop;
  v_gone := v_before.sent - v_before.done - v_before.dead - v_before.purged - v_before.quarantined
            - v_before.expired - v_before.cancelled - v_before.parked + v_parked;
  update :schema.totals set purged = purged + v_gone, parked = parked - v_parked
    where subscription = v_subscription;
  return v_gone;
end $$
