-- Returns: whether these rows of the outbox became blocks and parked messages; false, and nothing
--   is changed, when somebody else has taken one of them.
-- Index: primary key of outbox from the mark on; primary key of block, at its right edge.
-- Locks: the owner, shared; the lanes; the rows.
-- Twice: false.
create or replace function :schema.drain_outbox(
  p_owner bigint, p_request bigint, p_mark bigint, p_numbers bigint[],
  b_lanes int[], b_subscriptions int[], b_n int[], b_bytes int[], b_first uuid[], b_last uuid[],
  b_checksums bigint[], b_ends int[], b_frames bytea,
  k_queues int[], k_subscriptions int[], k_bands int[], k_due_ms bigint[], k_ids uuid[],
  k_bytes int[],
  k_checksums bigint[], k_ends int[], k_frames bytea)
returns boolean language plpgsql as $$
declare
  v_now timestamptz;
  v_count int;
begin
  perform :schema.enter(p_owner);
  perform :schema.lock_lanes(b_lanes);
  perform 1 from :schema.queue where id = any (k_queues) order by id for key share;
  if exists (select 1 from unnest(k_queues) as q(id)
             where not exists (select 1 from :schema.queue e where e.id = q.id)) then
    raise exception using errcode = 'MQ003', message = 'a queue was deleted; look it up again';
  end if;
  v_now := :schema.clock();
  select count(*) into v_count from (
    select 1 from :schema.outbox o
    where o.xid >= p_mark::text::xid8 and o.number = any (p_numbers)
    order by o.number for update skip locked) as ours;
  if v_count <> cardinality(p_numbers) then
    return false;
  end if;
  delete from :schema.outbox o where o.xid >= p_mark::text::xid8 and o.number = any (p_numbers);
  perform :schema.write_blocks(0, 0, b_lanes, b_n, b_bytes, b_first, b_last, b_checksums, b_ends,
                               b_frames);
  for i in 1 .. cardinality(k_queues) loop
    insert into :schema.parked
      (queue, subscription, band, kind, due, parked_at, id, bytes, checksum, frames)
    values (k_queues[i], 0, k_bands[i], 0, greatest(to_timestamp(k_due_ms[i] / 1000.0), v_now),
            v_now, k_ids[i], k_bytes[i], k_checksums[i], :schema.slice(k_frames, k_ends, i));
  end loop;
  insert into :schema.flushed (owner, request, part, subscription, sent, parked)
  select p_owner, p_request, 5, s, sum(n), sum(p)
  from (select s, n, 0 as p from :schema.sent_to(b_lanes, b_subscriptions, b_n) as b(s, n)
        union all select s, 1, 1 from unnest(k_subscriptions) as s) as each
  group by s;
  return true;
end $$
