-- Returns: nothing; puts a row in the place of a claim's. A row that is only updated may still be
--   locked for key share, as open, by a transaction whose snapshot is older; one that was deleted
--   may not.
-- Index: primary key of claim.
-- Locks: none of its own. REQUIRES: the claim's row lock for update.
-- Twice: changes nothing.
create or replace function :schema.replace_claim(p_claim :schema.claim) returns void
language plpgsql as $$
begin
  delete from :schema.claim
    where subscription = p_claim.subscription and lane = p_claim.lane and gen = p_claim.gen;
  insert into :schema.claim select (p_claim).*;
end $$
