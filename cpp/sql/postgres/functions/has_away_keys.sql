-- Returns: whether messages with keys of a subscription's queue are parked, or some that others
--   wait for are not decided.
-- Index: parked_key; primary key of away_key. In an order: else any index of parked may be walked.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.has_away_keys(p_subscription int) returns boolean
language plpgsql stable as $$
declare
  v_queue int := (select s.queue from :schema.subscription s where s.id = p_subscription);
begin
  perform 1 from :schema.parked p where p.queue = v_queue and p.hash is not null
    order by p.hash limit 1;
  if not found then
    perform 1 from :schema.away_key a where a.queue = v_queue order by a.hash limit 1;
  end if;
  return found;
end $$
