-- Returns: nothing; holds the locks of these lanes until the transaction ends. Raises MQ003 when
--   one of them was closed in favour of a successor, or has gone with its queue.
-- Index: primary key of lane.
-- Locks: the lanes, ascending, without duplicates.
-- Twice: harmless.
create or replace function :schema.lock_lanes(p_lanes int[]) returns void language plpgsql as $$
declare
  v_lane int;
begin
  for v_lane in select distinct l from unnest(p_lanes) l order by 1 loop
    perform pg_advisory_xact_lock(:schema.space(), v_lane);
  end loop;
  if exists (select 1 from unnest(p_lanes) as l(id)
             where not exists (select 1 from :schema.lane e where e.id = l.id and not e.is_closed))
               then
    raise exception using errcode = 'MQ003', message = 'a lane was closed; look it up again';
  end if;
end $$
