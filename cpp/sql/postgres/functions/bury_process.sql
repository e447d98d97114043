-- Returns: the claims that a dead process held, now claimable again, each with whether its one
--   message was alone: then its crash is counted. All of them are suspects, unless a late heartbeat
--   is all that is known: that is no proof. Nothing when its heart beat again.
-- Index: primary key of process.
-- Locks: the process's row; its owners; its claims, those that others hold are passed over: of one
--   of which a user's open transaction acknowledges messages the lease ends now. Then totals.
-- Twice: finds nothing.
create or replace function :schema.bury_process(p_process int, p_heartbeat text, p_window_ms bigint)
returns table (subscription int, lane int, gen bigint, is_alone boolean, crashes int)
language plpgsql as $$
#variable_conflict use_column
declare
  v_row :schema.claim;
  v_owners bigint[];
  v_rows :schema.claim[] := '{}';
  v_is_alone boolean;
  v_is_proved boolean;
  v_done varbit;
  v_of int[] := '{}';
  v_acked int[] := '{}';
begin
  update :schema.process set is_dead = true
    where id = p_process and not is_dead and heartbeat_at::text = p_heartbeat
    returning has_lock into v_is_proved;
  if not found then
    return;
  end if;
  delete from :schema.reader where process = p_process;
  select array_agg(o.id order by o.id) into v_owners from :schema.owner o
    where o.process = p_process;
  for n in 1 .. coalesce(cardinality(v_owners), 0) loop
    perform :schema.close_owner(v_owners[n]);
  end loop;
  for v_row in
    select c.* from :schema.claim c where c.owner = any (v_owners) and c.state = 0
    order by c.subscription, c.lane, c.gen for update skip locked
  loop
    v_rows := v_rows || v_row;
  end loop;
  foreach v_row in array v_rows loop
    v_done := :schema.take_over(v_row);
    v_of := v_of || v_row.subscription;
    v_acked := v_acked || :schema.ones(v_done) - :schema.ones(v_row.done);
    v_row.done := v_done;
    v_is_alone := v_is_proved and cardinality(v_rows) = 1 and v_row.is_suspect
                  and v_row.n - :schema.ones(v_row.done) = 1;
    if v_is_alone and (v_row.crashes = 0
                       or v_row.crashed_at < :schema.clock() - p_window_ms * interval '1 ms') then
      v_row.crashes := 0;
      v_row.crashed_at := :schema.clock();
    end if;
    v_row.crashes := v_row.crashes + v_is_alone::int;
    v_row.is_suspect := v_row.is_suspect or v_is_proved;
    perform :schema.lapse(v_row);
    return query select v_row.subscription, v_row.lane, v_row.gen, v_is_alone, v_row.crashes;
  end loop;
  perform :schema.end_leases(v_owners, 0);
  perform :schema.count_acks(v_of, v_acked);
end $$
