-- Returns: the numbers of the first parked messages of a key that may come back now, in its order,
--   up to the first that may not.
-- Index: parked_key.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.first_of_key(
  p_queue int, p_hash bigint, p_now timestamptz, p_max int)
returns bigint[] language plpgsql stable as $$
declare
  v_row record;
  v_out bigint[] := '{}';
begin
  for v_row in
    select p.number, p.due from :schema.parked p where p.queue = p_queue and p.hash = p_hash
    order by p.place_seq, p.place_index limit p_max
  loop
    exit when v_row.due > p_now and v_row.due <> :schema.held_back();
    v_out := v_out || v_row.number;
  end loop;
  return v_out;
end $$
