-- Returns: what claim_wish() returns, where some lanes are of keys: each shard has its place among
--   the lanes of the rest, as lanes_by_age() orders them. has_keys: some of keys were
--   claimed, and of the queue's keys some are away. p_flags: as there.
-- Index: primary key of lane; see lanes_by_age, claim_keyed, claim_wish; parked_key.
-- Locks: as claim_keyed() and claim_wish().
-- Twice: gets the next messages.
create or replace function :schema.claim_among_keys(
  p_owner bigint, p_request bigint, p_process int, p_runs_suspect boolean,
  p_settled :schema.claim[], p_subscription int, p_lanes int[], p_room int, p_bytes bigint,
  p_lease_ms bigint, p_flags int, p_aging_ms bigint,
  out taken int, out bytes bigint, out has_more boolean, out suspects_waiting boolean,
  out runs_suspect boolean, out passed_over boolean, out gens bigint[], out has_keys boolean)
language plpgsql as $$
#variable_conflict use_variable
declare
  v_lanes int[];
  v_bands int[];
  v_run int[];
  v_is_keyed boolean;
  v_got record;
  n int := 1;
begin
  taken := 0; bytes := 0; has_more := false; suspects_waiting := false; passed_over := false;
  gens := '{}'; has_keys := false;
  runs_suspect := p_runs_suspect and (:schema.count_held(p_process, p_settled)).suspects > 0;
  select coalesce(array_agg(o.lane order by o.place), '{}'),
         coalesce(array_agg(l.band order by o.place), '{}') into v_lanes, v_bands
  from unnest(:schema.lanes_by_age(p_subscription, p_lanes, p_aging_ms, p_request)) with ordinality
    as o(lane, place) join :schema.lane l on l.id = o.lane;
  if p_flags & 1 > 0 then  -- it is idle for them
    select coalesce(array_agg(o.lane order by o.is_suspect desc, o.place), '{}'),
           coalesce(array_agg(o.band order by o.is_suspect desc, o.place), '{}')
      into v_lanes, v_bands
    from (select o.*, :schema.has_suspects(p_subscription, array[o.lane]) as is_suspect
          from unnest(v_lanes, v_bands) with ordinality as o(lane, band, place)) as o;
  end if;
  while n <= cardinality(v_lanes) and not runs_suspect loop
    if taken >= p_room or (taken > 0 and bytes >= p_bytes) then
      has_more := true;
      exit;
    end if;
    v_is_keyed := v_bands[n] >= 95;
    v_run := '{}';
    while n <= cardinality(v_lanes) and (v_bands[n] >= 95) = v_is_keyed loop
      v_run := v_run || v_lanes[n];
      n := n + 1;
    end loop;
    if v_is_keyed then  -- both lanes of each shard
      v_run := array(
        select b.id from unnest(v_run) with ordinality as r(lane, place)
        join :schema.lane a on a.id = r.lane
        join :schema.lane b on b.band = a.band and b.id = any (p_lanes)
        group by b.id order by min(r.place));
      v_got := :schema.claim_keyed(
        p_owner, p_request, p_process, p_settled, p_subscription, v_run, p_room - taken,
        p_bytes - bytes, p_lease_ms, p_flags);
      has_keys := has_keys or v_got.taken > 0;
    else
      v_got := :schema.claim_wish(
        p_owner, p_request, p_process, false, p_settled, p_subscription, v_run, p_room - taken,
        p_bytes - bytes, p_lease_ms, p_flags & ~32, p_aging_ms);
      passed_over := passed_over or v_got.passed_over;
    end if;
    taken := taken + v_got.taken;
    bytes := bytes + v_got.bytes;
    has_more := has_more or v_got.has_more;
    gens := gens || v_got.gens;
    runs_suspect := v_got.runs_suspect;
  end loop;
  -- Not of shards that are another's. More of them are to be told of also when one was claimed.
  suspects_waiting := exists (
    select 1 from :schema.claim c join :schema.lane l on l.id = c.lane
    where c.subscription = p_subscription and c.lane = any (p_lanes) and c.state = 2
      and c.is_suspect and :schema.is_complete(c) and (
        l.band < 95 or p_flags >> l.band - 87 & 1 = 0 and not :schema.is_held_elsewhere(
          p_subscription, array(select k.id from :schema.lane k
                                where k.id = any (p_lanes) and k.band = l.band), p_process)));
  passed_over := passed_over and taken = 0;
  has_keys := has_keys and :schema.has_away_keys(p_subscription);
end $$
