-- Returns: how many closed owners went, with what their requests left, once nobody can ask after
--   them any more; dead processes follow when they have no owner left, and rates that are old.
-- Index: primary keys of owner and flushed; rate_at.
-- Locks: the owners' rows; the totals.
-- Twice: 0.
create or replace function :schema.clear_away(p_age_ms bigint) returns int language plpgsql as $$
declare
  v_owners bigint[];
  v_owner bigint;
begin
  v_owners := array(
    select o.id from :schema.owner o
    where o.closed_at < :schema.clock() - p_age_ms * interval '1 ms'
      and not exists (select 1 from :schema.claim c where c.owner = o.id and c.state = 0)
    order by o.id for update skip locked);
  perform :schema.lock_totals(v_owners);
  foreach v_owner in array v_owners loop
    perform :schema.sweep_flushed(v_owner, 9223372036854775807);
    delete from :schema.swept where owner = v_owner;
    delete from :schema.owner where id = v_owner;
  end loop;
  delete from :schema.floor f using :schema.floor higher
    where higher.subscription = f.subscription and higher.lane = f.lane and higher.gen > f.gen;
  delete from :schema.due_floor where due < (select max(due) from :schema.due_floor);
  delete from :schema.rate where at < clock_timestamp() - interval '20 minutes';
  delete from :schema.process p
    where p.is_dead and not exists (select 1 from :schema.owner o where o.process = p.id);
  return cardinality(v_owners);
end $$
