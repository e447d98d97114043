-- Returns: what became of a request's settles, extensions and wishes, as rows (what, i, value):
--   1 the i-th settle's claim was no longer open    2 the same of the i-th extension
--   3 the i-th wish: 1 there is more + 2 suspects wait + 4 it was passed over + 8 messages of keys
--     are parked
--   4 ms until the next parked message, if any, from due_from() on
--   5 the directory's version               6 a suspect runs in this process
--   7 the gen of a claim that the i-th wish got
--   The claims that it made are read by read_claims(), in a later statement, without a lock.
-- Index: primary keys of claim, block, cursor; claim_lapsed.
-- Locks: the owner, shared; cursors, tried; claim rows in the order given, that of their keys.
-- Twice: a settle finds its claim gone; (owner, request) is in flushed.
create or replace function :schema.exchange(
  p_owner bigint, p_request bigint, p_process int, p_runs_suspect boolean, p_looks_due boolean,
  s_subscriptions int[], s_lanes int[], s_gens bigint[], s_owners bigint[], s_flags int[],
  s_done text[], s_acked int[], s_expired int[],
  r_settles int[], r_kinds int[], r_bands int[], r_delays_ms bigint[], r_reasons text[],
  r_ids uuid[], r_bytes int[], r_checksums bigint[], r_ends int[], r_frames bytea,
  r_keys bigint[], d_keys bigint[],
  e_subscriptions int[], e_lanes int[], e_gens bigint[], e_owners bigint[], e_lease_ms bigint[],
  w_subscriptions int[], w_lane_ends int[], w_lanes int[], w_counts int[], w_bytes bigint[],
  w_lease_ms bigint[], w_flags int[], p_aging_ms bigint)
returns table (what int, i int, value bigint)
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_variable
declare
  v_claim :schema.claim;
  v_done varbit;
  v_left int;
  v_lost int[] := '{}';
  v_settled :schema.claim[] := '{}';  -- marked or removed at the end: most are replaced by a claim
  v_wish record;
  v_room int := 0;
begin
  if cardinality(s_gens) > 0 or cardinality(e_gens) > 0 then
    perform :schema.enter(p_owner);
  end if;

  for n in 1 .. cardinality(s_gens) loop
    if s_flags[n] & 3 > 0 then  -- ends it: whole, or gives back
      select * into v_claim from :schema.claim c
        where (c.subscription, c.lane, c.gen, c.owner, c.state) = (s_subscriptions[n],
          s_lanes[n], s_gens[n], s_owners[n], 0) for update;
    else  -- waits for no transaction of a user's that acknowledges some of it
      select * into v_claim from :schema.claim c
        where (c.subscription, c.lane, c.gen, c.owner, c.state) = (s_subscriptions[n],
          s_lanes[n], s_gens[n], s_owners[n], 0) for no key update;
    end if;
    if not found then
      v_lost := v_lost || n; what := 1; i := n - 1; value := :schema.refuse_lost(s_flags[n], n);
      return next;
      continue;
    end if;
    v_left := 0;
    if s_flags[n] & 1 = 0 then  -- not whole
      v_done := :schema.merged(v_claim.done, s_done[n], v_claim.n);
      v_left := v_claim.n - :schema.ones(v_done);
    elsif s_flags[n] & 4 > 0 then
      perform :schema.drop_acks(v_claim);
    end if;
    if v_left = 0 then
      delete from :schema.block b using :schema.cursor r
        where b.lane = v_claim.lane and b.seq >= v_claim.lo_seq + (v_claim.lo_index > 0)::int
          and b.seq < v_claim.hi_seq and r.deletes and r.lane = v_claim.lane
          and r.subscription = v_claim.subscription;
      v_settled := v_settled || v_claim;
    elsif s_flags[n] & 2 > 0 then  -- gives back
      v_claim.done := v_done;
      v_claim.attempt := greatest(v_claim.attempt - 1, 0);
      s_acked[n] := s_acked[n] + :schema.lapse(v_claim);
    else
      update :schema.claim c set done = v_done where (c.subscription, c.lane, c.gen) =
        (v_claim.subscription, v_claim.lane, v_claim.gen);
    end if;
  end loop;

  if cardinality(r_ids) > 0 then
    perform :schema.set_aside(s_subscriptions, v_lost, r_settles, r_kinds, r_bands, r_delays_ms,
                              r_reasons, r_ids, r_bytes, r_checksums, r_ends, r_frames, r_keys);
  end if;
  perform :schema.note_decided(s_subscriptions, v_lost, d_keys);
  if cardinality(s_gens) > 0 then
    perform :schema.note_settled(p_owner, p_request, s_subscriptions, s_acked, s_expired, v_lost,
                                 r_settles, r_kinds);
  end if;

  for n in 1 .. cardinality(e_gens) loop
    update :schema.claim c set until = :schema.clock() + e_lease_ms[n] * interval '1 ms'
      where c.subscription = e_subscriptions[n] and c.lane = e_lanes[n] and c.gen = e_gens[n]
        and c.owner = e_owners[n] and c.state = 0;
    if not found then
      what := 2; i := n - 1; value := 0;
      return next;
    end if;
  end loop;

  for n in 1 .. cardinality(w_subscriptions) loop
    v_room := case when w_flags[n] & 4 > 0 then least(v_room, w_counts[n]) else w_counts[n] end;
    v_wish := :schema.claim_wish(
      p_owner, p_request, p_process, p_runs_suspect, v_settled, w_subscriptions[n],
      w_lanes[coalesce(w_lane_ends[n - 1], 0) + 1 : w_lane_ends[n]], v_room, w_bytes[n],
      w_lease_ms[n],
      w_flags[n] + case when cardinality(s_gens) > 0 or cardinality(e_gens) > 0 then 8 else 0 end,
      p_aging_ms);
    p_runs_suspect := v_wish.runs_suspect;
    v_room := greatest(v_room - v_wish.taken, 0);
    what := 3; i := n - 1;
    value := v_wish.has_more::int + 2 * v_wish.suspects_waiting::int + 4 * v_wish.passed_over::int
             + 8 * v_wish.has_keys::int;
    return next;
    foreach value in array v_wish.gens loop
      what := 7;
      return next;
    end loop;
  end loop;

  if cardinality(v_settled) > 0 then
    perform :schema.end_claims(v_settled);
  end if;
  if p_looks_due then
    what := 4; i := 0; value := :schema.next_due_ms();
    if value is not null then return next; end if;
  end if;
  what := 5; i := 0;
  select d.version into value from :schema.directory d where d.id = 0;
  return next;
  what := 6; i := 0; value := p_runs_suspect::int;
  return next;
end $$
