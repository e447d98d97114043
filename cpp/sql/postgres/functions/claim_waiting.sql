-- Returns: the claim of the next blocks behind the position, as large as there is room; gen is null
--   when nothing waits. The position and the attempt are durable before anybody sees a message.
-- Index: primary key of claim, from the right; primary key of block from the position on.
-- Locks: the owner, shared. REQUIRES: the cursor's lock.
-- Twice: the next blocks.
create or replace function :schema.claim_waiting(
  p_owner bigint, p_request bigint, p_subscription int, p_lane int, p_room int, p_extra int,
  p_bytes bigint, p_is_first boolean, p_lease_ms bigint,
  p_is_in boolean, out gen bigint, out lo_seq bigint, out lo_index int, out hi_seq bigint,
    out hi_index int, out n int,
  out bytes bigint, out has_more boolean)
language plpgsql as $$
#variable_conflict use_variable
declare
  v_newest record;
  v_block record;
  v_index int;
  v_take int;
  v_size bigint;
begin
  n := 0; bytes := 0; has_more := false;
  select c.gen, c.state, c.pos_seq, c.pos_index, c.prev_gen into v_newest from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane order by c.gen desc limit 1;
  for v_block in
    select b.seq, b.n, b.bytes from :schema.block b
    where b.lane = p_lane and b.seq >= coalesce(v_newest.pos_seq, 0) order by b.seq
  loop
    v_index := case when v_block.seq = v_newest.pos_seq then v_newest.pos_index else 0 end;
    continue when v_index >= v_block.n;
    if v_index = 0 and v_block.n <= p_room - n and v_block.bytes <= p_bytes - bytes then
      v_take := v_block.n;  -- a whole block that fits, as most do
    else
      v_take := :schema.fit(v_block.n - v_index, p_room - n, p_extra, v_block.bytes::bigint,
        v_block.n,
                            p_bytes - bytes, p_is_first and n = 0);
    end if;
    if v_take = 0 then
      has_more := true;
      exit;
    end if;
    if n = 0 then
      lo_seq := v_block.seq;
      lo_index := v_index;
    end if;
    n := n + v_take;
    bytes := bytes + v_block.bytes::bigint * v_take / v_block.n;
    if v_index + v_take < v_block.n then
      hi_seq := v_block.seq;
      hi_index := v_index + v_take;
      has_more := true;
      exit;
    end if;
    hi_seq := v_block.seq + 1;
    hi_index := 0;
  end loop;
  if n = 0 then
    return;
  end if;
  if not p_is_in then
    perform :schema.enter(p_owner);
  end if;
  gen := nextval(':schema.gen');
  insert into :schema.claim
    (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner, request, kind, state,
      attempt,
     crashes, is_suspect, until, lease_ms, n, pos_seq, pos_index, prev_gen)
  values (p_subscription, p_lane, gen, lo_seq, lo_index, hi_seq, hi_index, p_owner, p_request, 0, 0,
    1,
          0, false, :schema.clock() + p_lease_ms * interval '1 ms', p_lease_ms, n, hi_seq, hi_index,
          coalesce(v_newest.gen, 0));
  if v_newest.state = 1 then
    delete from :schema.claim c
      where c.subscription = p_subscription and c.lane = p_lane and c.gen = v_newest.gen;
  end if;
end $$
