-- Returns: nothing; keeps messages until their time has come, counted from now on the store's
--   clock.
-- Index: parked_due, parked_id.
-- Locks: the owner, shared; the queues, so that none goes meanwhile: MQ003 when one is gone.
-- Twice: an error: (owner, request) is in flushed.
create or replace function :schema.park(
  p_owner bigint, p_request bigint, p_queues int[], p_subscriptions int[], p_bands int[],
  p_delays_ms bigint[], p_ids uuid[], p_bytes int[], p_checksums bigint[], p_ends int[],
  p_frames bytea)
returns void language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz;
begin
  perform :schema.enter(p_owner);
  perform 1 from :schema.queue where id = any (p_queues) order by id for key share;
  if exists (select 1 from unnest(p_queues) as q(id)
             where not exists (select 1 from :schema.queue e where e.id = q.id)) then
    raise exception using errcode = 'MQ003', message = 'a queue was deleted; look it up again';
  end if;
  v_now := :schema.clock();
  for i in 1 .. cardinality(p_queues) loop
    insert into :schema.parked
      (queue, subscription, band, kind, due, parked_at, id, bytes, checksum, frames)
    values (p_queues[i], 0, p_bands[i], 0, v_now + p_delays_ms[i] * interval '1 ms', v_now,
            p_ids[i], p_bytes[i], p_checksums[i], :schema.slice(p_frames, p_ends, i));
  end loop;
  insert into :schema.flushed (owner, request, part, subscription, sent, parked)
  select p_owner, p_request, 2, s, count(*), count(*) from unnest(p_subscriptions) s group by s;
end $$
