-- Returns: how many claims of a closed owner, made after p_after, became claimable again, the
--   attempt not counted: nobody heard of them.
-- Index: none: asked when a connection was lost or closed.
-- Locks: the claims' rows.
-- Twice: finds nothing.
create or replace function :schema.give_back(p_owner bigint, p_after bigint) returns int
language plpgsql as $$
declare
  v_count int;
begin
  update :schema.claim set state = 2, attempt = greatest(attempt - 1, 0)
    where owner = p_owner and gen > p_after and state = 0;
  get diagnostics v_count = row_count;
  return v_count;
end $$
