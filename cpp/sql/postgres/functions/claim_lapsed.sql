-- Returns: how many messages of lapsed ranges were claimed, their bytes, the claims' gens; has_more
--   when the room was spent first. With p_suspects only a suspect, alone; otherwise none of them.
-- Index: claim_lapsed; primary key of block.
-- Locks: the lapsed rows; those that others hold are passed over. REQUIRES: the cursor's lock.
-- Twice: the next ranges.
create or replace function :schema.claim_lapsed(
  p_owner bigint, p_request bigint, p_subscription int, p_lane int, p_room int, p_extra int,
  p_bytes bigint, p_is_first boolean, p_lease_ms bigint, p_suspects boolean,
  out taken int, out bytes bigint, out has_more boolean,
  out gens bigint[])
language plpgsql as $$
#variable_conflict use_variable
declare
  v_row :schema.claim;
  v_front record;
begin
  taken := 0; bytes := 0; has_more := false; gens := '{}';
  perform :schema.enter(p_owner);
  for v_row in
    select * from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.state = 2
      and c.is_suspect = p_suspects
    order by c.lo_seq, c.lo_index for update skip locked
  loop
    continue when not :schema.is_complete(v_row);
    while v_row.n > 0 loop
      if taken >= p_room or (bytes >= p_bytes and not (p_is_first and taken = 0)) then
        has_more := true;
        return;
      end if;
      v_front := :schema.cut_front(v_row, p_room - taken, p_extra, p_bytes - bytes,
                                   p_is_first and taken = 0);
      exit when v_front.n = 0;
      v_row := :schema.claim_front(v_row, v_front.n, v_front.hi_seq, v_front.hi_index, p_owner,
                                   p_request, p_lease_ms);
      gens := gens || currval(':schema.gen');
      taken := taken + v_front.undone;
      bytes := bytes + v_front.bytes;
      if p_suspects then
        return;
      end if;
    end loop;
    has_more := has_more or v_row.n > 0;
  end loop;
end $$
