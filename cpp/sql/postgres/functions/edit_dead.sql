-- Returns: how many of these dead letters now are what p_frames says; they stay where they are. Its
--   parameters are those of redrive().
-- Index: primary key of dead_letter.
-- Locks: the rows.
-- Twice: the same.
create or replace function :schema.edit_dead(
  p_queue int, p_bands int[], p_numbers bigint[], p_ids uuid[], p_bytes int[],
  p_checksums bigint[], p_ends int[], p_frames bytea)
returns int language sql as $$
  with changed as (
    update :schema.dead_letter d
      set bytes = p_bytes[e.i], checksum = p_checksums[e.i],
          frames = :schema.slice(p_frames, p_ends, e.i::int)
      from unnest(p_numbers) with ordinality as e(number, i)
      where d.number = e.number and d.queue = p_queue
      returning d.number
  )
  select count(*)::int from changed
$$
