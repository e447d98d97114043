-- Returns: nothing, once nobody settles claims of a queue, or of its subscriptions, that were there
--   when it began; an error (55P03) when somebody takes longer.
-- Index: primary key of claim.
-- Locks: the claims, one after the other, until the transaction ends; it is to hold no other.
-- Twice: harmless.
create or replace function :schema.await_settles(p_queue int)
returns void language plpgsql set lock_timeout = '500ms' as $$
begin
  perform 1 from :schema.claim c join :schema.subscription s on s.id = c.subscription
    where s.queue = any (:schema.go_with_queue(p_queue)) order by c.lane, c.gen for update of c;
end $$
