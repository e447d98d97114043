-- Returns: nothing; forgets what users' own transactions acknowledged of a claim that is settled as
--   a whole: its process has counted it.
-- Index: primary keys of claim and acked.
-- Locks: none of its own. REQUIRES: the claim's row lock for update, taken in an earlier statement.
-- Twice: changes nothing.
create or replace function :schema.drop_acks(p_claim :schema.claim) returns void
language plpgsql as $$
begin
  perform :schema.take_acks(p_claim.gen, p_claim.done, p_claim.n);
  perform :schema.replace_claim(p_claim);
end $$
