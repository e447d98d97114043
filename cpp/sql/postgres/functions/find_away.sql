-- Returns: which of these messages of keys, from 1, must wait for parked ones: every one of an
--   appended lane, of a returned one those that come behind one.
-- Index: parked_key.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.find_away(
  p_queues int[], p_hashes bigint[], p_seqs bigint[], p_indexes int[], p_returned boolean[])
returns table (i int) language plpgsql stable
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  return query
    select m.place::int
    from unnest(p_queues, p_hashes, p_seqs, p_indexes, p_returned) with ordinality
      as m(queue, hash, seq, index, returned, place)
    where exists (
      select 1 from :schema.parked p
      where p.queue = m.queue and p.hash = m.hash
        and (not m.returned or (p.place_seq, p.place_index) < (m.seq, m.index)));
end $$
