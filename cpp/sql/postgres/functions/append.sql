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
  v_is_held boolean;  -- an expression costs a third of a perform
begin
  v_is_held := :schema.enter(p_owner) is not null;
  -- by far the most; the loop of lock_lanes() would cost as much as the rest
  if cardinality(p_lanes) = 1 then
    v_is_held := pg_advisory_xact_lock(:schema.space(), p_lanes[1]) is not null;
  else
    perform :schema.lock_lanes(p_lanes);
  end if;
  v_at := :schema.clock();
  for i in 1 .. cardinality(p_lanes) loop
    insert into :schema.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select l.id, nextval(':schema.seq'), p_n[i], p_bytes[i], p_first[i], p_last[i], p_owner,
           p_request, v_at, p_checksums[i],
           case when i = 1 and cardinality(p_lanes) = 1 then p_frames
                else substring(p_frames from v_from + 1 for p_ends[i] - v_from) end
    from :schema.lane l where l.id = p_lanes[i] and not l.is_closed;
    if not found then
      raise exception using errcode = 'MQ003', message = 'a lane was closed; look it up again';
    end if;
    v_from := p_ends[i];
  end loop;
  if cardinality(p_lanes) = 1 then
    insert into :schema.flushed (owner, request, part, subscription, sent)
    values (p_owner, p_request, 1, p_subscriptions[1], p_n[1]);
  else
    insert into :schema.flushed (owner, request, part, subscription, sent)
    select p_owner, p_request, 1, s, sum(n) from unnest(p_subscriptions, p_n) as each(s, n)
      group by s;
  end if;
end $$
