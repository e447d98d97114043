-- Returns: nothing; locks all totals that folding what these owners left will change: whoever folds
--   of several in turn would else meet those who hold a later one and wait for an earlier one.
-- Index: primary keys of flushed and totals; claims as in give_back.
-- Locks: the totals' rows, ascending.
-- Twice: harmless.
create or replace function :schema.lock_totals(p_owners bigint[]) returns void
language plpgsql as $$
begin
  perform 1 from :schema.totals t
    where t.subscription in (
      select f.subscription from :schema.flushed f where f.owner = any (p_owners)
      union select c.subscription from :schema.claim c
      where c.owner = any (p_owners) and c.state = 0)
    order by t.subscription for no key update;
end $$
