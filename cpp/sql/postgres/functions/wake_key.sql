-- Returns: nothing; lets the first parked message of a key come due. Where something of the key
--   that came back before is undecided, promote_keys() holds it back again.
-- Index: parked_key.
-- Locks: the row.
-- Twice: changes nothing.
create or replace function :schema.wake_key(p_queue int, p_hash bigint) returns void
language plpgsql as $$
declare
  v_first bigint;
begin
  loop
    select f.number into v_first from :schema.parked f where f.queue = p_queue and f.hash = p_hash
      order by f.place_seq, f.place_index limit 1;
    exit when not found;
    perform 1 from :schema.parked where number = v_first for update;
    if found then  -- else it has gone meanwhile: the next is the first
      update :schema.parked set due = :schema.clock()
        where number = v_first and due = :schema.held_back();
      exit;
    end if;
  end loop;
end $$
