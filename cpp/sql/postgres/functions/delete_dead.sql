-- Returns: how many of these dead letters of a queue were deleted.
-- Index: primary key of dead_letter.
-- Locks: the rows; the totals.
-- Twice: 0.
create or replace function :schema.delete_dead(p_queue int, p_numbers bigint[]) returns int
language plpgsql as $$
declare
  v_count int;
begin
  delete from :schema.dead_letter where number = any (p_numbers) and queue = p_queue;
  get diagnostics v_count = row_count;
  update :schema.totals set dead = dead - v_count, purged = purged + v_count
    where subscription = (select id from :schema.subscription where queue = p_queue);
  return v_count;
end $$
