-- Returns: which messages of a claim are done, those among them that users acknowledged in
--   transactions of their own; what is kept of these is removed.
-- Index: primary key of acked.
-- Locks: none. REQUIRES: the claim's row lock for update, taken in an earlier statement: nobody can
--   acknowledge any more.
-- Twice: the same.
create or replace function :schema.take_acks(p_gen bigint, p_done varbit, p_n int) returns varbit
language plpgsql as $$
declare
  v_index int;
begin
  for v_index in
    with gone as (delete from :schema.acked a where a.gen = p_gen returning a.index, a.is_done)
    select g.index from gone g where g.is_done
  loop
    p_done := set_bit(coalesce(p_done, repeat('0', p_n)::varbit), v_index, 1);
  end loop;
  return p_done;
end $$
