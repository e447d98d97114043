-- Returns: nothing; ends now the leases of claims that owners still hold open, as users' own
--   transactions acknowledge some of them: whoever looks once those have ended need not wait.
-- Index: none: asked when a process has died, and when a connection was lost or closed.
-- Locks: the claims' rows; those that others hold otherwise are passed over.
-- Twice: ends them again.
create or replace function :schema.end_leases(p_owners bigint[], p_after bigint) returns void
language plpgsql as $$
begin
  update :schema.claim c set until = :schema.clock()
    from (select o.subscription, o.lane, o.gen from :schema.claim o
          where o.owner = any (p_owners) and o.gen > p_after and o.state = 0
          for no key update skip locked) as still
    where c.subscription = still.subscription and c.lane = still.lane and c.gen = still.gen;
end $$
