-- Returns: the messages of a block, as transport/block.h says. Of a damaged one it returns those in
--   front of the damage, and never raises; its checksum is not looked at.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.decode_block(p_frames bytea)
returns table (
  index int, id uuid, handler text, content int, headers text, body bytea, deliveries int,
  failures int, crashes int, history text, enqueued_at timestamptz, priority int,
  expires_at timestamptz)
language plpgsql immutable parallel safe as $$
declare
  v_all bytea := p_frames || ''::bytea;  -- fetched once, not for each byte
  v_footer bigint := length(v_all) - 16;
  v_count bigint;
  v_ends bigint;   -- where the ends of the frames begin
  v_line bigint;   -- where a section begins
  v_from bigint := 0;
  v_until bigint;
  v_number record;
  v_frame record;
  v_left bigint;
  v_high bigint;
  v_low bigint;
  v_moment bigint;
  v_ms bigint;
  v_has_priorities boolean;
begin
  if v_footer < 0 then
    return;
  end if;
  v_count := :schema.u32(v_all, v_footer + 12);
  if v_count & 65535 <> 1 or v_count >> 16 > 3 then
    return;  -- version 1, no flags that we do not know
  end if;
  v_has_priorities := v_count >> 16 & 1 > 0;
  v_count := :schema.u32(v_all, v_footer);
  v_ends := :schema.u32(v_all, v_footer + 4);
  v_line := v_ends + 4 * v_count;
  index := 0;
  while index < v_count and v_line < v_footer loop
    v_number := :schema.take_varint(v_all, v_line);
    v_left := v_number.value;
    v_line := v_number.next;
    v_high := 0; v_low := 0;
    for i in reverse 7 .. 0 loop
      v_high := (v_high << 8) | get_byte(v_all, v_line::int + i);
      v_low := (v_low << 8) | get_byte(v_all, v_line::int + 8 + i);
    end loop;
    v_moment := ((v_high >> 16) << 20) | ((v_high & 4095) << 8) | ((v_low >> 54) & 255);
    content := get_byte(v_all, v_line::int + 16);
    v_number := :schema.take_varint(v_all, v_line + 17);
    v_ms := v_number.value;
    v_number := :schema.take_varint(v_all, v_number.next);
    v_line := v_number.next;
    if v_number.value > 0 then
      handler := :schema.as_text(substring(v_all from v_line::int + 1
                                           for v_number.value::int - 1));
      v_line := v_line + v_number.value - 1;
    end if;
    priority := 5;
    expires_at := null;
    if v_has_priorities then
      priority := get_byte(v_all, v_line::int);
      v_number := :schema.take_varint(v_all, v_line + 1);
      v_line := v_number.next;
      expires_at := to_timestamp(nullif(v_number.value, 0) / 1000.0);
    end if;
    while v_left > 0 and index < v_count loop
      v_until := :schema.u32(v_all, v_ends + 4 * index);
      if v_until <= v_from or v_until > v_ends then
        return;
      end if;
      v_frame := :schema.read_frame(substring(v_all from v_from::int + 1
                                              for (v_until - v_from)::int));
      id := encode(
        int8send(((v_moment >> 20) << 16) | 28672 | ((v_moment >> 8) & 4095))
        || int8send((-9223372036854775808) | ((v_moment & 255) << 54)
                    | (v_low & 18014398509481983)), 'hex')::uuid;
      headers := v_frame.headers;
      body := v_frame.body;
      deliveries := v_frame.deliveries; failures := v_frame.failures; crashes := v_frame.crashes;
      history := v_frame.history;
      enqueued_at := to_timestamp(coalesce(v_frame.enqueued_ms, v_ms) / 1000.0);
      return next;
      v_from := v_until;
      v_moment := v_moment + 1;
      v_left := v_left - 1;
      index := index + 1;
    end loop;
  end loop;
exception when others then
  return;
end $$
