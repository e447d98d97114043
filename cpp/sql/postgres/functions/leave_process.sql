-- Returns: nothing; a process that has closed its connections is no more. What owners of lost
--   connections of it still hold becomes claimable again, uncounted. A process whose lock another
--   session holds lives, and is left alone; so is one that came as another role.
-- Index: primary key of process.
-- Locks: the process's; its row; its owners, their claims, the totals.
-- Twice: changes nothing.
create or replace function :schema.leave_process(p_process int) returns void language plpgsql as $$
declare
  v_owners bigint[];
begin
  if not pg_try_advisory_xact_lock(:schema.space(), p_process) then
    return;
  end if;
  delete from :schema.process
    where id = p_process and coalesce(role, session_user) = session_user;
  if not found then
    return;
  end if;
  delete from :schema.reader where process = p_process;
  v_owners := array(select id from :schema.owner where process = p_process order by id);
  perform :schema.close_owner(o) from unnest(v_owners) as o;
  perform :schema.lock_totals(v_owners);
  perform :schema.leave_owner(o) from unnest(v_owners) as o;
end $$
