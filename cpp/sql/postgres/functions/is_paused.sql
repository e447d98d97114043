-- Returns: whether the queue of a subscription gives nothing out.
-- Index: primary keys of subscription and queue_setting.
-- Locks: none.
-- Twice: the same. In PL/pgSQL, which keeps its plan: SQL would plan it at each claim.
create or replace function :schema.is_paused(p_subscription int) returns boolean
language plpgsql stable as $$
begin
  return exists (
    select 1 from :schema.subscription r join :schema.queue_setting t on t.queue = r.queue
    where r.id = p_subscription and t.is_paused);
end $$
