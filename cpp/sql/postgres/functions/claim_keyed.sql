-- Returns: what a wish, as claim_among_keys() tells of it, got of lanes of keys, by which claims.
--   Of each shard the returned lane before the appended one, in both what lapsed, in order, before
--   what waits: nothing overtakes what is left. Passed over: shards of which another process has
--   claims open or its part (bits 8 to 23 of p_flags).
-- Index: primary keys of lane, cursor, claim; claim_lapsed.
-- Locks: the cursors of both lanes, tried: one that somebody else claims on is passed over.
-- Twice: gets the next messages.
create or replace function :schema.claim_keyed(
  p_owner bigint, p_request bigint, p_process int, p_settled :schema.claim[], p_subscription int,
  p_lanes int[], p_room int, p_bytes bigint, p_lease_ms bigint, p_flags int,
  out taken int, out bytes bigint, out has_more boolean, out suspects_waiting boolean,
  out runs_suspect boolean, out gens bigint[])
language plpgsql as $$
#variable_conflict use_variable
declare
  v_queue int := (select s.queue from :schema.subscription s where s.id = p_subscription);
  v_shard record;
  v_lane int;
  v_got record;
  v_first record;
begin
  taken := 0; bytes := 0; has_more := false; suspects_waiting := false; gens := '{}';
  runs_suspect := false;
  <<shards>>
  for v_shard in
    select l.band, max(l.id) filter (where l.subscription = 0) as main,
           max(l.id) filter (where l.subscription <> 0) as returned
    from unnest(p_lanes) with ordinality as g(lane, place) join :schema.lane l on l.id = g.lane
    where l.band >= 95 group by l.band order by min(g.place)
  loop
    if taken >= p_room then
      has_more := true;
      return;
    end if;
    continue when v_shard.main is null or p_flags >> v_shard.band - 87 & 1 > 0  -- another's
      or cardinality(:schema.lanes_with_work(p_subscription,
                                             array[v_shard.returned, v_shard.main])) = 0;
    continue when not :schema.try_cursor(p_subscription, v_shard.main);
    continue when v_shard.returned is not null
      and not :schema.try_cursor(p_subscription, v_shard.returned);
    continue when :schema.is_held_elsewhere(  -- later than the locks: it sees what came before
      p_subscription, array[v_shard.main, v_shard.returned], p_process);
    -- What came back just now, through a lane that the client does not know yet, is first.
    continue when exists (select 1 from :schema.lane l where l.queue = v_queue
                         and l.band = v_shard.band and l.subscription = p_subscription
                         and l.id is distinct from v_shard.returned);
    foreach v_lane in array array[v_shard.returned, v_shard.main] loop
      continue when v_lane is null;
      loop
        select (o.c).is_suspect into v_first from (
          select c from :schema.claim c
          where c.subscription = p_subscription and c.lane = v_lane and c.state = 2
          order by c.lo_seq, c.lo_index offset 0) as o where :schema.is_complete(o.c) limit 1;
        exit when not found;
        if v_first.is_suspect and not (
          p_flags & 1 > 0 and taken = 0 and (:schema.count_held(p_process, p_settled)).n = 0) then
          suspects_waiting := true;
          continue shards;
        end if;
        -- Where suspects lie between, one by one.
        v_got := :schema.claim_lapsed(
          p_owner, p_request, p_subscription, v_lane,
          case when :schema.has_suspects(p_subscription, array[v_lane]) then 1
               else p_room - taken end,
          0, p_bytes - bytes, taken = 0, p_lease_ms, v_first.is_suspect);
        taken := taken + v_got.taken;
        bytes := bytes + v_got.bytes;
        gens := gens || v_got.gens;
        runs_suspect := v_first.is_suspect and v_got.taken > 0;
        if runs_suspect then
          return;
        elsif v_got.taken = 0 or taken >= p_room then
          has_more := true;
          continue shards;
        end if;
      end loop;
      v_got := :schema.claim_waiting(
        p_owner, p_request, p_subscription, v_lane, p_room - taken, 0, p_bytes - bytes,
        taken = 0, p_lease_ms, p_flags & 8 > 0);
      has_more := has_more or v_got.has_more;
      if v_got.gen is not null then
        taken := taken + v_got.n;
        bytes := bytes + v_got.bytes;
        gens := gens || v_got.gen;
      end if;
      continue shards when v_got.has_more;
    end loop;
  end loop;
end $$
