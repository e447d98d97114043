-- Returns: whether the blocks of a range are all there: ordinals would otherwise name other
--   messages. Warns when not. As of the statement that has read the claim: volatile, it would miss
--   what was settled and swept since.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.is_complete(p_row :schema.claim) returns boolean
language plpgsql stable as $$
declare
  v_counted bigint;
begin
  select sum(case when b.seq = p_row.hi_seq then p_row.hi_index else b.n end
             - case when b.seq = p_row.lo_seq then p_row.lo_index else 0 end) into v_counted
  from :schema.block b
  where b.lane = p_row.lane and b.seq >= p_row.lo_seq
    and b.seq < p_row.hi_seq + (p_row.hi_index > 0)::int;
  if v_counted is distinct from p_row.n then
    raise warning
      'a block of claim % in lane % is missing: its % messages cannot be run; restore a backup',
      p_row.gen, p_row.lane, p_row.n - :schema.ones(p_row.done);
    return false;
  end if;
  return true;
end $$
