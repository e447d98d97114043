-- Returns: how many dedup ids whose time is over were forgotten, at most p_max.
-- Index: dedup_until, at its left edge; called seldom, as what was deleted lies there for a while.
-- Locks: the rows; passes over those that others have.
-- Twice: others, or 0.
create or replace function :schema.forget_dedup(p_max int) returns int
language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_count int;
begin
  delete from :schema.dedup where (queue, id) in (
    select queue, id from :schema.dedup where until <= :schema.clock()
    order by until limit p_max for update skip locked);
  get diagnostics v_count = row_count;
  return v_count;
end $$
