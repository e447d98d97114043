-- Returns: the fields of one message's frame, as model/frame.h says; the body is the rest.
-- Index: none.
-- Locks: none.
-- Twice: the same. Raises where it is damaged.
create or replace function :schema.read_frame(
  p_frame bytea, out headers text, out deliveries int, out failures int, out crashes int,
  out history text, out enqueued_ms bigint, out body bytea)
language plpgsql immutable parallel safe as $$
declare
  v_mask int := get_byte(p_frame, 0);
  v_at bigint := 1;
  v_number record;
begin
  deliveries := 0; failures := 0; crashes := 0;
  if v_mask & 1 > 0 then
    v_number := :schema.take_varint(p_frame, v_at);
    headers := :schema.as_text(substring(p_frame from v_number.next::int + 1
                                         for v_number.value::int));
    v_at := v_number.next + v_number.value;
  end if;
  if v_mask & 2 > 0 then
    v_number := :schema.take_varint(p_frame, v_at);
    deliveries := v_number.value;
    v_number := :schema.take_varint(p_frame, v_number.next);
    failures := v_number.value;
    v_number := :schema.take_varint(p_frame, v_number.next);
    crashes := v_number.value;
    v_at := v_number.next;
  end if;
  if v_mask & 4 > 0 then
    v_number := :schema.take_varint(p_frame, v_at);
    history := :schema.as_text(substring(p_frame from v_number.next::int + 1
                                         for v_number.value::int));
    v_at := v_number.next + v_number.value;
  end if;
  if v_mask & 8 > 0 then
    v_number := :schema.take_varint(p_frame, v_at);
    enqueued_ms := v_number.value;
    v_at := v_number.next;
  end if;
  if v_mask & 16 > 0 then  -- key
    v_number := :schema.take_varint(p_frame, v_at);
    v_at := v_number.next + v_number.value;
  end if;
  if v_mask & 32 > 0 then  -- place
    v_number := :schema.take_varint(p_frame, v_at);
    v_number := :schema.take_varint(p_frame, v_number.next);
    v_at := v_number.next;
  end if;
  if v_mask & 64 > 0 then  -- dedup id
    v_number := :schema.take_varint(p_frame, v_at);
    v_at := v_number.next + v_number.value;
  end if;
  if v_mask > 127 or v_at > length(p_frame) then
    raise exception 'damaged message';
  end if;
  body := substring(p_frame from v_at::int + 1);
end $$
