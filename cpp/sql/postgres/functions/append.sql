-- Returns: nothing; appends blocks in the order given (one alone: append_one). Within a lane the
--   order of seq is the order in which blocks become visible, as the lane's lock is held to the end
--   of the transaction. A block of a queue with a log goes there, too; of a topic there alone.
-- Index: primary key of block, at its right edge.
-- Locks: the owner, shared; the lanes, then those of logs.
-- Twice: an error: (owner, request) is in flushed.
create or replace function :schema.append(
  p_owner bigint, p_request bigint, p_lanes int[], p_subscriptions int[], p_n int[], p_bytes int[],
  p_first uuid[], p_last uuid[], p_checksums bigint[], p_ends int[], p_frames bytea)
returns void language plpgsql as $$
begin
  perform :schema.enter(p_owner);
  perform :schema.lock_lanes(p_lanes);
  perform :schema.write_blocks(p_owner, p_request, p_lanes, p_n, p_bytes, p_first, p_last,
                               p_checksums, p_ends, p_frames);
  insert into :schema.flushed (owner, request, part, subscription, sent)
  select p_owner, p_request, 1, s, sum(n)
  from :schema.sent_to(p_lanes, p_subscriptions, p_n) as each(s, n) group by s;
end $$
