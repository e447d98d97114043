-- Returns: how many messages of the claim users had acknowledged in transactions of their own,
--   which its caller is to count. The rest of the claim is claimable again; without one it ends.
-- Index: primary keys of claim and acked; see take_over.
-- Locks: rows of dedup ids. REQUIRES: the claim's row lock for update, taken in an earlier
--   statement.
-- Twice: its caller finds the claim no longer open.
create or replace function :schema.lapse(p_claim :schema.claim) returns int language plpgsql as $$
declare
  v_done varbit := :schema.take_over(p_claim);
  v_acked int := :schema.ones(v_done) - :schema.ones(p_claim.done);
begin
  p_claim.done := v_done;
  p_claim.state := 2;
  perform :schema.replace_claim(p_claim);
  if :schema.ones(v_done) = p_claim.n then
    perform :schema.end_claims(array[p_claim]);
  end if;
  return v_acked;
end $$
