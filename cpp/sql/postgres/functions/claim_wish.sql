-- Returns: how many messages one wish got, by which claims, from the lanes of its subscription,
--   lapsed ones first. p_flags: 1 a suspect may be given, 2 not one more than p_room, 4 continues
--   the wish before it.
-- Index: primary key of cursor, claim_lapsed.
-- Locks: cursors, tried: one that somebody else claims on is passed over.
-- Twice: gets the next messages.
create or replace function :schema.claim_wish(
  p_owner bigint, p_request bigint, p_process int, p_runs_suspect boolean,
    p_settled :schema.claim[],
  p_subscription int, p_lanes int[], p_room int, p_bytes bigint, p_lease_ms bigint, p_flags int,
  p_is_in boolean,
  out taken int, out has_more boolean, out suspects_waiting boolean, out runs_suspect boolean,
  out gens bigint[])
language plpgsql as $$
#variable_conflict use_variable
declare
  v_extra int := case when p_flags & 2 > 0 then 0 else p_room / 2 end;
  v_lanes int[] := '{}';  -- whose cursors are ours
  v_lane int;
  v_number int;
  v_got record;
  v_held record;
  v_has_lapsed boolean;
begin
  taken := 0; has_more := p_room <= 0; suspects_waiting := false; runs_suspect := p_runs_suspect;
  gens := '{}';
  if p_room <= 0 then
    return;
  end if;
  if cardinality(p_lanes) > 2 then
    p_lanes := :schema.lanes_with_work(p_subscription, p_lanes);
  end if;
  foreach v_lane in array p_lanes loop
    select c.number into v_number from :schema.cursor c
      where c.subscription = p_subscription and c.lane = v_lane;
    if pg_try_advisory_xact_lock(:schema.space(), v_number) then
      v_lanes := v_lanes || v_lane;
    end if;
  end loop;
  v_has_lapsed := exists (select 1 from :schema.claim c where c.subscription = p_subscription
                          and c.lane = any (v_lanes) and c.state = 2);
  suspects_waiting := v_has_lapsed and :schema.has_suspects(p_subscription, v_lanes);

  if suspects_waiting or runs_suspect then
    v_held := :schema.count_held(p_process, p_settled);
    runs_suspect := v_held.suspects > 0;
    if not runs_suspect and p_flags & 1 > 0 and v_held.n = 0 then
      foreach v_lane in array v_lanes loop
        v_got := :schema.claim_lapsed(p_owner, p_request, p_subscription, v_lane, 1, 0, 0, true,
                                      p_lease_ms, true);
        runs_suspect := v_got.taken > 0;
        taken := v_got.taken;
        gens := gens || v_got.gens;
        exit when runs_suspect;
      end loop;
    end if;
    suspects_waiting := :schema.has_suspects(p_subscription, v_lanes);
    if runs_suspect then  -- it is alone in its process, or its crash would prove nothing
      return;
    end if;
  end if;

  if v_has_lapsed then
    foreach v_lane in array v_lanes loop
      v_got := :schema.claim_lapsed(p_owner, p_request, p_subscription, v_lane, p_room - taken,
        v_extra,
                                    p_bytes, taken = 0, p_lease_ms, false);
      taken := taken + v_got.taken;
      p_bytes := p_bytes - v_got.bytes;
      has_more := has_more or v_got.has_more;
      gens := gens || v_got.gens;
    end loop;
  end if;
  foreach v_lane in array v_lanes loop
    v_got := :schema.claim_waiting(p_owner, p_request, p_subscription, v_lane, p_room - taken,
      v_extra,
                                   p_bytes, taken = 0, p_lease_ms, p_is_in);
    has_more := has_more or v_got.has_more;
    continue when v_got.gen is null;
    taken := taken + v_got.n;
    p_bytes := p_bytes - v_got.bytes;
    gens := gens || v_got.gen;
  end loop;
end $$
