-- Returns: the claims that a request made and that are still open, with their blocks in order; a
--   block that is gone gives a row without one,
--   a block that the client has (p_known) one without frames. Holds no lock: a client that stops
--   reading stops nobody.
-- Index: primary key of claim behind p_after; primary key of block.
-- Locks: none.
-- Twice: the same, as long as the claims are open.
create or replace function :schema.read_claims(
  p_owner bigint, p_request bigint, p_after bigint, p_subscriptions int[], p_lanes int[],
  p_known bigint[])
returns table (
  subscription int, lane int, gen bigint, attempt int, crashes int, is_suspect boolean,
    lo_seq bigint,
  lo_index int, hi_seq bigint, hi_index int, n int, done text, lease_ms bigint, seq bigint,
    count int,
  checksum bigint, frames bytea)
language plpgsql stable
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off
set enable_mergejoin = off set jit = off as $$
#variable_conflict use_column
begin
  return query
    select c.subscription, c.lane, c.gen, c.attempt, c.crashes, c.is_suspect, c.lo_seq, c.lo_index,
           c.hi_seq, c.hi_index, c.n, c.done::text, c.lease_ms, b.seq, b.n, b.checksum,
           case when b.seq = any (p_known) then null else b.frames end
    from unnest(p_subscriptions, p_lanes) as w(subscription, lane)
    cross join lateral (  -- a join may be planned as a walk over all claims, the dead ones, too
      select * from :schema.claim c
      where c.subscription = w.subscription and c.lane = w.lane and c.gen > p_after
        and c.owner = p_owner and c.request = p_request and c.state = 0
      offset 0) as c
    left join :schema.block b on b.lane = c.lane and b.seq >= c.lo_seq
      and b.seq < c.hi_seq + (c.hi_index > 0)::int
    order by c.gen, b.seq;
end $$
