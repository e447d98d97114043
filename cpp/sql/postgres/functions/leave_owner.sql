-- Returns: nothing; a connection that heard everything leaves: its open claims become claimable
--   again, uncounted, and its rows go.
-- Index: primary keys of owner and flushed.
-- Locks: the owner, its claims, the totals.
-- Twice: changes nothing.
create or replace function :schema.leave_owner(p_owner bigint) returns void language plpgsql as $$
begin
  perform :schema.close_owner(p_owner);
  perform :schema.lock_totals(array[p_owner]);
  perform :schema.give_back(p_owner, 0);
  perform :schema.sweep_flushed(p_owner, 9223372036854775807);
  delete from :schema.swept where owner = p_owner;
  delete from :schema.owner where id = p_owner;
end $$
