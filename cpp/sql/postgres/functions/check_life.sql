-- Returns: nothing; refuses a priority that there is not, and what would expire before it is due.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.check_life(p_delay interval, p_priority int, p_ttl interval)
returns void language plpgsql immutable as $$
begin
  if p_priority is null or p_priority not between 1 and 10 then
    raise exception using errcode = '22023',
      message = format('priority is %s, allowed are 1 to 10', coalesce(p_priority::text, 'null'));
  end if;
  if p_ttl <= interval '0' then
    raise exception using errcode = '22023', message = format('ttl is %s, it must be more', p_ttl);
  end if;
  if p_ttl <= p_delay then
    raise exception using errcode = '22023',
      message = format('ttl %s is not longer than delay %s: it would never be run', p_ttl, p_delay);
  end if;
end $$
