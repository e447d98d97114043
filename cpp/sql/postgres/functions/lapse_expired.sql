-- Returns: how many of these claims lapsed: those whose lease is still over.
-- Index: primary key of claim.
-- Locks: their rows; those that others hold are passed over, as are those of which a user's open
--   transaction acknowledges messages. Then totals.
-- Twice: 0.
create or replace function :schema.lapse_expired(p_subscriptions int[], p_lanes int[],
  p_gens bigint[])
returns int language plpgsql as $$
declare
  v_claim :schema.claim;
  v_of int[] := '{}';
  v_acked int[] := '{}';
begin
  for v_claim in
    select c.* from unnest(p_subscriptions, p_lanes, p_gens) as e(subscription, lane, gen)
    join :schema.claim c on c.subscription = e.subscription and c.lane = e.lane and c.gen = e.gen
    where c.state = 0 and c.until <= :schema.clock()
    order by c.subscription, c.lane, c.gen for update of c skip locked
  loop
    v_of := v_of || v_claim.subscription;
    v_acked := v_acked || :schema.lapse(v_claim);
  end loop;
  perform :schema.count_acks(v_of, v_acked);
  return cardinality(v_of);
end $$
