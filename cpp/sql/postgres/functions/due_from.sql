-- Returns: the due time from which on a look at parked messages may begin: what was due before it
--   has gone, and its dead rows need not be read again, however many an old snapshot keeps.
-- Index: primary key of due_floor, from the right, as its callers set enable_seqscan = off.
-- Locks: none.
-- Twice: the same, or later. A clock that was set back is obeyed.
create or replace function :schema.due_from() returns timestamptz language plpgsql stable as $$
begin
  return least(coalesce((select max(f.due) from :schema.due_floor f), '-infinity'),
               :schema.clock() - interval '200 ms');
end $$
