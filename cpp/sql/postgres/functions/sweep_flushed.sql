-- Returns: nothing; folds what an owner's requests changed, up to a number whose answer it has
--   heard, into the totals, and notes for the rates how much that was.
-- Index: primary key of flushed, behind what was swept before; of swept, from the right; of totals.
-- Locks: the owner's row; the totals, ascending.
-- Twice: finds nothing.
create or replace function :schema.sweep_flushed(p_owner bigint, p_heard bigint) returns void
language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_swept bigint;
  v_change record;
begin
  perform set_config('synchronous_commit', 'off', true);  -- what a crash forgets is swept again
  perform 1 from :schema.owner where id = p_owner for no key update;
  if not found then
    return;
  end if;
  select coalesce(max(request), 0) into v_swept from :schema.swept where owner = p_owner;
  if v_swept >= p_heard then
    return;
  end if;
  for v_change in
    with gone as (
      delete from :schema.flushed
      where owner = p_owner and request > v_swept and request <= p_heard returning *)
    select subscription, sum(sent) as sent, sum(parked) as parked, sum(done) as done,
      sum(dead) as dead, sum(failed) as failed, sum(expired) as expired
    from gone where subscription <> 0 group by subscription order by subscription
  loop
    update :schema.totals set sent = sent + v_change.sent, parked = parked + v_change.parked,
                              done = done + v_change.done, dead = dead + v_change.dead,
                              expired = expired + v_change.expired
      where subscription = v_change.subscription;
    insert into :schema.rate (subscription, sent, done, failed)
    values (v_change.subscription, v_change.sent, v_change.done, v_change.failed);
  end loop;
  insert into :schema.swept values (p_owner, p_heard);
  delete from :schema.swept where owner = p_owner and request >= v_swept and request < p_heard;
end $$
