-- Returns: the one message of a lapsed claim that is not done: its block's bytes and its index
--   there, and how often it was handed out.
-- Index: primary keys of claim and block.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.read_alone(p_subscription int, p_lane int, p_gen bigint)
returns table (attempt int, index int, frames bytea) language plpgsql stable as $$
#variable_conflict use_column
declare
  v_claim :schema.claim;
  v_block record;
  v_ordinal int := 0;
  v_last int;
begin
  select * into v_claim from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen = p_gen and c.state = 2;
  for v_block in
    select b.seq, b.n, b.frames from :schema.block b
    where b.lane = p_lane and b.seq >= v_claim.lo_seq
      and b.seq < v_claim.hi_seq + (v_claim.hi_index > 0)::int
    order by b.seq
  loop
    v_last := case when v_block.seq = v_claim.hi_seq then v_claim.hi_index else v_block.n end;
    for v_index in case when v_block.seq = v_claim.lo_seq
      then v_claim.lo_index else 0 end .. v_last - 1
    loop
      if v_claim.done is null or get_bit(v_claim.done, v_ordinal) = 0 then
        return query select v_claim.attempt, v_index, v_block.frames;
        return;
      end if;
      v_ordinal := v_ordinal + 1;
    end loop;
  end loop;
end $$
