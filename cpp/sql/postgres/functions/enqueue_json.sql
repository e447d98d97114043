-- Returns: as enqueue() of bytes; the body is JSON.
-- Index: see enqueue.
-- Locks: see enqueue.
-- Twice: two messages.
create or replace function :schema.enqueue(
  queue text, body jsonb, headers jsonb default null, delay interval default null,
  key text default null, handler text default '', priority int default 5,
  ttl interval default null)
returns uuid language sql as $$
  select :schema.enqueue(queue, convert_to(body::text, 'UTF8'), headers, delay, key, handler, 1,
                         priority, ttl)
$$
