-- Returns: what is left of a lapsed row once its first p_n messages have a claim of their own; n is
--   0 when nothing is: the row is gone.
-- Index: primary key of claim, from the right.
-- Locks: none of its own. REQUIRES: the cursor's lock and the row's.
-- Twice: claims the next messages.
create or replace function :schema.claim_front(
  p_row :schema.claim, p_n int, p_hi_seq bigint, p_hi_index int, p_owner bigint, p_request bigint,
  p_lease_ms bigint)
returns :schema.claim language plpgsql as $$
declare
  v_open :schema.claim := p_row;
  v_rest :schema.claim := p_row;
  v_newest record;
begin
  v_open.n := p_n;
  v_open.hi_seq := p_hi_seq;
  v_open.hi_index := p_hi_index;
  v_open.done := substring(p_row.done from 1 for p_n);
  v_rest.n := p_row.n - p_n;
  v_rest.lo_seq := p_hi_seq;
  v_rest.lo_index := p_hi_index;
  v_rest.done := substring(p_row.done from p_n + 1);
  if v_rest.n = :schema.ones(v_rest.done) then  -- nothing to run behind it: it goes along
    v_open := p_row;
    v_rest.n := 0;
  end if;
  select c.gen, c.state, c.pos_seq, c.pos_index into v_newest from :schema.claim c
    where c.subscription = p_row.subscription and c.lane = p_row.lane order by c.gen desc limit 1;
  insert into :schema.claim
    (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner, request, kind, state,
      attempt,
     crashes, crashed_at, is_suspect, until, lease_ms, n, done, pos_seq, pos_index, prev_gen)
  values (p_row.subscription, p_row.lane, nextval(':schema.gen'), p_row.lo_seq, p_row.lo_index,
          v_open.hi_seq, v_open.hi_index, p_owner, p_request, 1, 0, p_row.attempt + 1,
            p_row.crashes,
          p_row.crashed_at, p_row.is_suspect, :schema.clock() + p_lease_ms * interval '1 ms',
          p_lease_ms, v_open.n, v_open.done, v_newest.pos_seq, v_newest.pos_index, v_newest.gen);
  if v_rest.n = 0 then
    delete from :schema.claim
      where subscription = p_row.subscription and lane = p_row.lane and gen = p_row.gen;
  else
    update :schema.claim set n = v_rest.n, lo_seq = v_rest.lo_seq, lo_index = v_rest.lo_index,
                             done = v_rest.done
      where subscription = p_row.subscription and lane = p_row.lane and gen = p_row.gen;
  end if;
  if v_newest.state = 1 then
    delete from :schema.claim
      where subscription = p_row.subscription and lane = p_row.lane and gen = v_newest.gen;
  end if;
  return v_rest;
end $$
