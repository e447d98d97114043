-- Returns: whether this transaction may claim of the lane for the subscription, to its end.
-- Index: primary key of cursor.
-- Locks: the cursor, tried.
-- Twice: the same.
create or replace function :schema.try_cursor(p_subscription int, p_lane int) returns boolean
language plpgsql as $$  -- sql would be parsed anew by every transaction
declare
  v_number int;
begin
  select c.number into v_number from :schema.cursor c
    where c.subscription = p_subscription and c.lane = p_lane;
  return pg_try_advisory_xact_lock(:schema.space(), v_number);
end $$
