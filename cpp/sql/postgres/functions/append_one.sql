-- Returns: nothing; appends one block, as append() does, without its loops and arrays.
-- Index: primary key of block, at its right edge.
-- Locks: the owner, shared; the lane.
-- Twice: an error: (owner, request) is in flushed.
create or replace function :schema.append_one(
  p_owner bigint, p_request bigint, p_lane int, p_subscription int, p_n int, p_bytes int,
  p_first uuid, p_last uuid, p_checksum bigint, p_frames bytea)
returns void language plpgsql as $$
declare
  v_is_held boolean;  -- an expression costs a third of a perform
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform :schema.enter(p_owner);  -- says why not
  end if;
  v_is_held := pg_advisory_xact_lock_shared(p_owner) is not null;
  v_is_held := pg_advisory_xact_lock(:schema.space(), p_lane) is not null;
  insert into :schema.block
    (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
  select l.id, nextval(':schema.seq'), p_n, p_bytes, p_first, p_last, p_owner, p_request,
         :schema.clock(), p_checksum, p_frames
  from :schema.owner o, :schema.lane l
  where o.id = p_owner and not o.is_closed and l.id = p_lane and not l.is_closed and l.log is null;
  if not found then  -- it goes into a log, too, or the owner or the lane was closed
    perform :schema.append(
      p_owner, p_request, array[p_lane], array[p_subscription], array[p_n], array[p_bytes],
      array[p_first], array[p_last], array[p_checksum], array[length(p_frames)], p_frames);
    return;
  end if;
  insert into :schema.flushed (owner, request, part, subscription, sent)
  values (p_owner, p_request, 1, p_subscription, p_n);
end $$
