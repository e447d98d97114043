-- Returns: nothing; appends blocks in the order given (one alone: append_one). Within a lane the
--   order of seq is the order in which blocks become visible, as the lane's lock is held to the end
--   of the transaction.
-- Index: primary key of block, at its right edge.
-- Locks: the owner, shared; the lanes.
-- Twice: an error: (owner, request) is in flushed.
create or replace function :schema.append(
  p_owner bigint, p_request bigint, p_lanes int[], p_subscriptions int[], p_n int[], p_bytes int[],
  p_first uuid[], p_last uuid[], p_checksums bigint[], p_ends int[], p_frames bytea)
returns void language plpgsql as $$
declare
  v_from int := 0;
  v_at timestamptz;
begin
  perform :schema.enter(p_owner);
  perform :schema.lock_lanes(p_lanes);
  v_at := :schema.clock();
  for i in 1 .. cardinality(p_lanes) loop
    insert into :schema.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select l.id, nextval(':schema.seq'), p_n[i], p_bytes[i], p_first[i], p_last[i], p_owner,
           p_request, v_at, p_checksums[i],
           substring(p_frames from v_from + 1 for p_ends[i] - v_from)
    from :schema.lane l where l.id = p_lanes[i] and not l.is_closed;
    if not found then
      raise exception using errcode = 'MQ003', message = 'a lane was closed; look it up again';
    end if;
    v_from := p_ends[i];
  end loop;
  insert into :schema.flushed (owner, request, part, subscription, sent)
  select p_owner, p_request, 1, s, sum(n) from unnest(p_subscriptions, p_n) as each(s, n)
    group by s;
end $$
