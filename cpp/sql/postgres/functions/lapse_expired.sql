-- Returns: how many of these claims lapsed: those whose lease is still over.
-- Index: primary key of claim.
-- Locks: their rows; those that others hold are passed over.
-- Twice: 0.
create or replace function :schema.lapse_expired(p_subscriptions int[], p_lanes int[],
  p_gens bigint[])
returns int language plpgsql as $$
declare
  v_count int := 0;
  v_claim :schema.claim;
begin
  for v_claim in
    select c.* from unnest(p_subscriptions, p_lanes, p_gens) as e(subscription, lane, gen)
    join :schema.claim c on c.subscription = e.subscription and c.lane = e.lane and c.gen = e.gen
    where c.state = 0 and c.until <= :schema.clock()
    order by c.subscription, c.lane, c.gen for update of c skip locked
  loop
    update :schema.claim c set state = 2
      where c.subscription = v_claim.subscription and c.lane = v_claim.lane and c.gen = v_claim.gen;
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$
