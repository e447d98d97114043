-- Returns: how many messages one wish got, by which claims, from the lanes of its subscription,
--   lapsed ones first, in the order given, or with flag 16 and p_aging_ms as lanes_by_age() says.
--   p_flags: 1 a suspect may be given, 2 not one more than p_room, 4 continues the wish before it,
--   8 the owner is entered, 16 several bands, 32 keys, which is claim_among_keys()'s. passed_over:
--   got nothing, and there is more where somebody else just claimed. A paused queue gives nothing.
-- Index: primary key of cursor, claim_lapsed.
-- Locks: cursors, tried, no more of them than the room needs: one that somebody else claims on is
--   passed over.
-- Twice: gets the next messages.
create or replace function :schema.claim_wish(
  p_owner bigint, p_request bigint, p_process int, p_runs_suspect boolean,
  p_settled :schema.claim[],
  p_subscription int, p_lanes int[], p_room int, p_bytes bigint, p_lease_ms bigint, p_flags int,
  p_aging_ms bigint,
  out taken int, out bytes bigint, out has_more boolean, out suspects_waiting boolean,
  out runs_suspect boolean, out passed_over boolean, out gens bigint[], out has_keys boolean)
language plpgsql as $$
#variable_conflict use_variable
declare
  v_extra int := case when p_flags & 2 > 0 then 0 else p_room / 2 end;
  v_passed int[] := '{}';
  v_lane int;
  v_got record;
  v_held record;
  v_has_lapsed boolean;
  v_has_suspects boolean;
begin
  taken := 0; bytes := 0; has_more := p_room <= 0; suspects_waiting := false;
  runs_suspect := p_runs_suspect; passed_over := false; gens := '{}'; has_keys := false;
  if p_room <= 0 or :schema.is_paused(p_subscription) then
    return;
  end if;
  if p_flags & 32 > 0 then
    select * into taken, bytes, has_more, suspects_waiting, runs_suspect, passed_over, gens,
                  has_keys
      from :schema.claim_among_keys(
        p_owner, p_request, p_process, p_runs_suspect, p_settled, p_subscription, p_lanes, p_room,
        p_bytes, p_lease_ms, p_flags, p_aging_ms);
    return;
  end if;
  if p_flags & 16 > 0 and p_aging_ms > 0 then
    p_lanes := :schema.lanes_by_age(p_subscription, p_lanes, p_aging_ms, 0);
  elsif cardinality(p_lanes) > 2 then
    p_lanes := :schema.lanes_with_work(p_subscription, p_lanes);
  end if;
  v_has_lapsed := exists (select 1 from :schema.claim c where c.subscription = p_subscription
                          and c.lane = any (p_lanes) and c.state = 2);
  v_has_suspects := v_has_lapsed and :schema.has_suspects(p_subscription, p_lanes);
  if v_has_suspects or runs_suspect then
    v_held := :schema.count_held(p_process, p_settled);
    runs_suspect := v_held.suspects > 0;
    if not runs_suspect and p_flags & 1 > 0 and v_held.n = 0 then
      foreach v_lane in array p_lanes loop
        continue when not :schema.try_cursor(p_subscription, v_lane);
        v_got := :schema.claim_lapsed(p_owner, p_request, p_subscription, v_lane, 1, 0, 0, true,
                                      p_lease_ms, true);
        runs_suspect := v_got.taken > 0;
        taken := v_got.taken; bytes := v_got.bytes;
        gens := gens || v_got.gens;
        exit when runs_suspect;
      end loop;
    end if;
    suspects_waiting := suspects_waiting or :schema.has_suspects(p_subscription, p_lanes);
    if runs_suspect then  -- it is alone in its process, or its crash would prove nothing
      return;
    end if;
  end if;

  if v_has_lapsed then
    foreach v_lane in array p_lanes loop
      exit when taken >= p_room;
      continue when not :schema.try_cursor(p_subscription, v_lane);
      v_got := :schema.claim_lapsed(p_owner, p_request, p_subscription, v_lane, p_room - taken,
                                    v_extra, p_bytes - bytes, taken = 0, p_lease_ms, false);
      taken := taken + v_got.taken;
      bytes := bytes + v_got.bytes;
      has_more := has_more or v_got.has_more;
      gens := gens || v_got.gens;
    end loop;
  end if;
  foreach v_lane in array p_lanes loop
    if taken >= p_room then
      has_more := true;
      exit;
    elsif not :schema.try_cursor(p_subscription, v_lane) then
      v_passed := v_passed || v_lane;
      continue;
    end if;
    v_got := :schema.claim_waiting(p_owner, p_request, p_subscription, v_lane, p_room - taken,
                                   v_extra, p_bytes - bytes, taken = 0, p_lease_ms,
                                   p_flags & 8 > 0);
    has_more := has_more or v_got.has_more;
    continue when v_got.gen is null;
    taken := taken + v_got.n;
    bytes := bytes + v_got.bytes;
    gens := gens || v_got.gen;
  end loop;
  passed_over := taken = 0 and cardinality(v_passed) > 0
                 and cardinality(:schema.lanes_with_work(p_subscription, v_passed)) > 0;
end $$
