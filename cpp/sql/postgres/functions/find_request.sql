-- Returns: whether a request of a closed owner happened, and which of its settles were lost.
-- Index: primary key of flushed.
-- Locks: none. REQUIRES: the owner was closed in a transaction before.
-- Twice: the same.
create or replace function :schema.find_request(
  p_owner bigint, p_request bigint, out has_happened boolean, out lost int[])
language sql stable as $$
  select count(*) > 0, max(f.lost) from :schema.flushed f
  where f.owner = p_owner and f.request = p_request
$$
