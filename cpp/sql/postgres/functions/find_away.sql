-- Returns: of these messages of keys, from 1, those that must wait for a parked one before them, as
--   1, those that parked ones wait for, as 2, and those of which both is true, as 3.
-- Index: parked_key; primary key of away_key.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.find_away(
  p_queues int[], p_hashes bigint[], p_seqs bigint[], p_indexes int[])
returns table (i int, what int) language plpgsql stable
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_column
begin
  return query
    select each.place, each.what from (
      select m.place::int,
        2 * coalesce(a.waits_for = :schema.packed_place(m.seq, m.index), false)::int
        + exists (
          select 1 from :schema.parked p
          where p.queue = m.queue and p.hash = m.hash
            and (p.place_seq, p.place_index) < (m.seq, m.index))::int as what
      from unnest(p_queues, p_hashes, p_seqs, p_indexes) with ordinality
        as m(queue, hash, seq, index, place)
      left join :schema.away_key a on a.queue = m.queue and a.hash = m.hash) as each
    where each.what > 0;
end $$
