-- Returns: how many of these dead letters went back into their queue, as blocks of one; those of
--   keys to the end of the order of their key.
-- Index: primary keys of dead_letter and block.
-- Locks: the returned lanes; the rows.
-- Twice: 0.
create or replace function :schema.redrive(
  p_queue int, p_bands int[], p_numbers bigint[], p_ids uuid[], p_bytes int[],
  p_checksums bigint[], p_ends int[], p_frames bytea)
returns int language plpgsql as $$
declare
  -- Nobody appends to the lanes of a log but its source.
  v_follows boolean := exists (select 1 from :schema.follower f where f.queue = p_queue);
  v_lanes int[] := array(select case when b < 95 or v_follows then :schema.returned_lane(p_queue, b)
                                else :schema.keyed_lane(p_queue, b) end
                         from unnest(p_bands) with ordinality as e(b, i) order by i);
  v_count int;
begin
  perform :schema.lock_lanes(v_lanes);
  with gone as (
    delete from :schema.dead_letter d where d.number = any (p_numbers) and d.queue = p_queue
    returning d.number
  ), back as (
    insert into :schema.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select v_lanes[e.i], nextval(':schema.seq'), 1, p_bytes[e.i], p_ids[e.i], p_ids[e.i], 0, 0,
           :schema.clock(), p_checksums[e.i], :schema.slice(p_frames, p_ends, e.i::int)
    from unnest(p_numbers) with ordinality as e(number, i) join gone g on g.number = e.number
    order by e.i
  )
  select count(*) into v_count from gone;
  update :schema.totals set dead = dead - v_count
    where subscription = (select id from :schema.subscription where queue = p_queue);
  return v_count;
end $$
