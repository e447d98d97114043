-- Returns: the bytes of one block.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.read_frames(p_lane int, p_seq bigint) returns setof bytea
language sql as $$
  select b.frames from :schema.block b where b.lane = p_lane and b.seq = p_seq
$$
