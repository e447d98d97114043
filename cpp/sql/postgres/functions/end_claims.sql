-- Returns: nothing; ends claims all of whose messages are decided: their rows go, but the newest of
--   a cursor stays, settled, as its position. So do settled rows that it replaced.
-- Index: primary key of claim, from the right.
-- Locks: the older rows; those that others hold are passed over. REQUIRES: the claims' row locks.
-- Twice: changes nothing.
create or replace function :schema.end_claims(p_claims :schema.claim[]) returns void
language plpgsql as $$
declare
  v_claim :schema.claim;
  v_newest bigint;
begin
  foreach v_claim in array p_claims loop
    select c.gen into v_newest from :schema.claim c
      where c.subscription = v_claim.subscription and c.lane = v_claim.lane
      order by c.gen desc limit 1;
    if v_newest = v_claim.gen then
      update :schema.claim c set state = 1, done = null
        where c.subscription = v_claim.subscription and c.lane = v_claim.lane
          and c.gen = v_claim.gen;
    else
      delete from :schema.claim c
        where c.subscription = v_claim.subscription and c.lane = v_claim.lane
          and c.gen = v_claim.gen;
    end if;
    -- Two statements: a join of the two may be planned as a walk over all of the lane's dead rows.
    perform 1 from :schema.claim o
      where o.subscription = v_claim.subscription and o.lane = v_claim.lane
        and o.gen = v_claim.prev_gen and o.state = 1
      for update skip locked;
    if found then
      delete from :schema.claim o
        where o.subscription = v_claim.subscription and o.lane = v_claim.lane
          and o.gen = v_claim.prev_gen;
    end if;
  end loop;
end $$
