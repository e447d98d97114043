-- Returns: the id of a message that is in the queue when the caller's transaction has committed,
--   and was never there otherwise. Callable from any language, and from triggers.
-- Index: primary key of outbox, at its right edge.
-- Locks: none that anybody else waits for, however long the transaction lasts.
-- Twice: two messages.
create or replace function :schema.enqueue(
  queue text, body bytea, headers jsonb default null, delay interval default null,
  key text default null, handler text default '', content int default 0, priority int default 5,
  ttl interval default null)
returns uuid language plpgsql as $$
declare
  v_id uuid := :schema.uuid7();
  v_now timestamptz := :schema.clock();
begin
  perform :schema.check_enqueue(queue, headers, key);
  perform :schema.check_life(delay, priority, ttl);
  insert into :schema.outbox
    (queue, id, handler, content, headers, body, due, at, priority, expires)
  values (enqueue.queue, v_id, enqueue.handler, enqueue.content,
          coalesce(enqueue.headers::text, ''), enqueue.body, v_now + enqueue.delay, v_now,
          enqueue.priority, v_now + enqueue.ttl);
  return v_id;
end $$
