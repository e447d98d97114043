-- Returns: where the one message of a claim that is not done stands, as packed_place() says.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.place_alone(p_claim :schema.claim) returns bigint
language sql stable as $$
  select :schema.packed_place(m.seq, m.index)
  from (
    select b.seq, g.index, row_number() over (order by b.seq, g.index)::int - 1 as ordinal
    from :schema.block b, generate_series(
      case when b.seq = p_claim.lo_seq then p_claim.lo_index else 0 end,
      case when b.seq = p_claim.hi_seq then p_claim.hi_index else b.n end - 1) as g(index)
    where b.lane = p_claim.lane and b.seq >= p_claim.lo_seq
      and b.seq < p_claim.hi_seq + (p_claim.hi_index > 0)::int) as m
  where p_claim.done is null or get_bit(p_claim.done, m.ordinal) = 0
  limit 1
$$
