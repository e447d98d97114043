-- Returns: how many of the p_left messages left in a block go into the room; 0 when it is spent. A
--   block is not cut when half as much again takes the rest; the first message always fits.
-- Index: none.
-- Locks: none.
-- Twice: the same. The bytes of a part are guessed from the block's mean.
create or replace function :schema.fit(
  p_left int, p_room int, p_extra int, p_block_bytes bigint, p_block_n int, p_bytes bigint,
  p_is_first boolean)
returns int language plpgsql immutable as $$
declare
  v_take int;
begin
  if p_room <= 0 or (p_bytes <= 0 and not p_is_first) then
    return 0;
  end if;
  v_take := case when p_left <= p_room + p_extra then p_left else p_room end;
  if p_block_bytes * v_take > p_bytes * p_block_n then
    v_take := p_bytes * p_block_n / greatest(p_block_bytes, 1);
  end if;
  return case when v_take <= 0 and p_is_first then 1 else greatest(v_take, 0) end;
end $$
