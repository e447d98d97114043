-- Returns: the front of a lapsed range that fits into the room: its messages, those of them to be
--   run, their bytes, and its end.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same. The bytes of a message are guessed from its block's mean.
create or replace function :schema.cut_front(
  p_row :schema.claim, p_room int, p_extra int, p_bytes bigint, p_is_first boolean,
  out n int, out undone int, out bytes bigint, out hi_seq bigint, out hi_index int)
language plpgsql as $$
#variable_conflict use_variable
declare
  v_block record;
  v_index int;
  v_until int;
  v_takes_all boolean;
begin
  n := 0; undone := 0; bytes := 0;
  v_takes_all := p_row.n - :schema.ones(p_row.done) <= p_room + p_extra;
  for v_block in
    select b.seq, b.n, b.bytes::bigint / b.n as mean from :schema.block b
    where b.lane = p_row.lane and b.seq >= p_row.lo_seq
      and b.seq < p_row.hi_seq + (p_row.hi_index > 0)::int
    order by b.seq
  loop
    v_index := case when v_block.seq = p_row.lo_seq then p_row.lo_index else 0 end;
    v_until := case when v_block.seq = p_row.hi_seq then p_row.hi_index else v_block.n end;
    while v_index < v_until loop
      if p_row.done is null or get_bit(p_row.done, n) = 0 then
        exit when not (p_is_first and undone = 0)
          and (bytes + v_block.mean > p_bytes or (undone >= p_room and not v_takes_all));
        undone := undone + 1;
        bytes := bytes + v_block.mean;
      end if;
      n := n + 1;
      v_index := v_index + 1;
    end loop;
    hi_seq := case when v_index = v_block.n then v_block.seq + 1 else v_block.seq end;
    hi_index := case when v_index = v_block.n then 0 else v_index end;
    exit when v_index < v_until;
  end loop;
end $$
