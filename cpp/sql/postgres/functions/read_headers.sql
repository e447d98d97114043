-- Returns: up to p_max blocks of a lane from p_from on, without their frames.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.read_headers(p_lane int, p_from bigint, p_max int)
returns table (seq bigint, n int) language sql as $$
  select b.seq, b.n from :schema.block b
  where b.lane = p_lane and b.seq >= p_from order by b.seq limit p_max
$$
