-- Returns: nothing; writes blocks to lanes, and to those of the logs of their queues.
-- Index: primary key of block, at its right edge.
-- Locks: the lanes of logs, ascending. REQUIRES: the lanes' locks.
-- Twice: writes them twice; its caller does not come twice.
create or replace function :schema.write_blocks(
  p_owner bigint, p_request bigint, p_lanes int[], p_n int[], p_bytes int[], p_first uuid[],
  p_last uuid[], p_checksums bigint[], p_ends int[], p_frames bytea)
returns void language plpgsql as $$
declare
  v_logs int[] := array(
    select l.log from :schema.lane l where l.id = any (p_lanes) and l.log is not null);
  v_from int := 0;
  v_at timestamptz;
begin
  if cardinality(v_logs) > 0 then
    perform :schema.lock_lanes(v_logs);
  end if;
  v_at := :schema.clock();
  for i in 1 .. cardinality(p_lanes) loop
    insert into :schema.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select t.lane, nextval(':schema.seq'), p_n[i], p_bytes[i], p_first[i], p_last[i], p_owner,
           p_request, v_at, p_checksums[i],
           substring(p_frames from v_from + 1 for p_ends[i] - v_from)
    from :schema.lane l
    cross join lateral (values (case when not l.is_topic then l.id end), (l.log)) as t(lane)
    where l.id = p_lanes[i] and t.lane is not null;
    v_from := p_ends[i];
  end loop;
end $$
