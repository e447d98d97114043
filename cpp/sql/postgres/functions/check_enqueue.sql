-- Returns: nothing; refuses what a queue cannot take, by the rules of model/queue_name.cpp.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.check_enqueue(p_queue text, p_headers jsonb, p_key text)
returns void language plpgsql immutable as $$
begin
  if p_queue is null or octet_length(p_queue) not between 1 and 255
     or p_queue ~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]'
     or p_queue ~ '^ | $' or p_queue ~ '(^|/)\.\.?(/|$)' then
    raise exception using errcode = '22023',
      message = format('%L is no name for a queue', p_queue),
      hint = '1 to 255 bytes, no control characters, no space at its ends, no part "." or ".."';
  end if;
  if p_headers is not null and jsonb_typeof(p_headers) <> 'object' then
    raise exception using errcode = '22023', message = 'headers must be a JSON object';
  end if;
  if p_key is not null then
    raise exception using errcode = '0A000', message = 'postgresql has no ordered keys yet',
      hint = 'leave key out';
  end if;
end $$
