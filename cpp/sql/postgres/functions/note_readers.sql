-- Returns: the processes that claim messages of keys of these subscriptions, and for how long each
--   has not said so. This one says so where there is something to claim or in hand, and others
--   claim, too, or have shards in their hands: alone it writes nothing.
-- Index: primary keys of subscription, reader; the unique key of lane; see lanes_with_work and
--   is_held_elsewhere.
-- Locks: the process's own rows; its commit waits for no disk.
-- Twice: the same.
create or replace function :schema.note_readers(p_process int, p_subscriptions int[])
returns table (subscription int, process int, silent_ms bigint)
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_column
declare
  v_subscription int;
  v_lanes int[];
  v_is_barred boolean;
begin
  foreach v_subscription in array p_subscriptions loop
    v_lanes := array(select l.id from :schema.cursor r
                     join :schema.lane l on l.id = r.lane and l.band >= 95
                     where r.subscription = v_subscription);
    v_is_barred := :schema.is_held_elsewhere(v_subscription, v_lanes, p_process);
    continue when not v_is_barred and not exists (
      select 1 from :schema.reader r
      where r.subscription = v_subscription and r.process <> p_process);
    if v_is_barred or cardinality(:schema.lanes_with_work(v_subscription, v_lanes)) > 0
      or :schema.is_held_elsewhere(v_subscription, v_lanes, 0) then
      perform set_config('synchronous_commit', 'off', true);
      insert into :schema.reader values (v_subscription, p_process, :schema.clock())
      on conflict on constraint reader_pkey do update set said_at = excluded.said_at;
    end if;
  end loop;
  return query
    select r.subscription, r.process,
           (extract(epoch from :schema.clock() - r.said_at) * 1000)::bigint
    from :schema.reader r where r.subscription = any (p_subscriptions);
end $$
