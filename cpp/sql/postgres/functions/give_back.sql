-- Returns: how many claims of a closed owner, made after p_after, became claimable again, the
--   attempt not counted: nobody heard of them. One of which a user's open transaction acknowledges
--   messages lapses once that has ended.
-- Index: none: asked when a connection was lost or closed.
-- Locks: the claims' rows; those that others hold are passed over. Then totals.
-- Twice: finds nothing.
create or replace function :schema.give_back(p_owner bigint, p_after bigint) returns int
language plpgsql as $$
declare
  v_claim :schema.claim;
  v_of int[] := '{}';
  v_acked int[] := '{}';
begin
  for v_claim in
    select * from :schema.claim c where c.owner = p_owner and c.gen > p_after and c.state = 0
    order by c.subscription, c.lane, c.gen for update skip locked
  loop
    v_claim.attempt := greatest(v_claim.attempt - 1, 0);
    v_of := v_of || v_claim.subscription;
    v_acked := v_acked || :schema.lapse(v_claim);
  end loop;
  perform :schema.end_leases(array[p_owner], p_after);
  perform :schema.count_acks(v_of, v_acked);
  return cardinality(v_of);
end $$
