-- Returns: whether it is known; it is closed then. Waits for what a statement of it still holds,
--   late ones included; whatever comes after this has committed is refused.
-- Index: primary key of owner.
-- Locks: the owner's lock, and its row.
-- Twice: the same.
create or replace function :schema.close_owner(p_owner bigint) returns boolean
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(p_owner);
  update :schema.owner set is_closed = true, closed_at = coalesce(closed_at, :schema.clock())
    where id = p_owner;
  return found;
end $$
