-- Returns: whether messages wait whose process died while it held them.
-- Index: claim_lapsed.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.has_suspects(p_subscription int, p_lanes int[]) returns boolean
language sql stable as $$
  select exists (select 1 from :schema.claim where subscription = p_subscription
                 and lane = any (p_lanes) and state = 2 and is_suspect)
$$
