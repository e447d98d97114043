-- Returns: nothing; lets the first parked message of a key come due, if nothing of the key that
--   came back before is undecided.
-- Index: parked_key; primary key of away_key.
-- Locks: the row.
-- Twice: changes nothing.
create or replace function :schema.wake_key(p_queue int, p_hash bigint) returns void
language plpgsql as $$
begin
  if exists (select 1 from :schema.away_key a where a.queue = p_queue and a.hash = p_hash) then
    return;
  end if;
  update :schema.parked p set due = :schema.clock()
    where p.due = :schema.held_back() and p.number = (
      select f.number from :schema.parked f where f.queue = p_queue and f.hash = p_hash
      order by f.place_seq, f.place_index limit 1);
end $$
