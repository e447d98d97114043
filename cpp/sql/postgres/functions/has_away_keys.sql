-- Returns: whether messages with keys of a subscription's queue are parked, or came back and are
--   not decided.
-- Index: parked_key; primary key of away_key.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.has_away_keys(p_subscription int) returns boolean
language sql stable as $$
  select exists (select 1 from :schema.parked p where p.queue = s.queue and p.hash is not null)
         or exists (select 1 from :schema.away_key a where a.queue = s.queue)
  from :schema.subscription s where s.id = p_subscription
$$
