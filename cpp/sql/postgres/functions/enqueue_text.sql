-- Returns: as enqueue() of bytes; the body is text.
-- Index: see enqueue.
-- Locks: see enqueue.
-- Twice: two messages.
create or replace function :schema.enqueue(
  queue text, body text, headers jsonb default null, delay interval default null,
  key text default null, handler text default '', priority int default 5,
  ttl interval default null)
returns uuid language sql as $$
  select :schema.enqueue(queue, convert_to(body, 'UTF8'), headers, delay, key, handler, 3,
                         priority, ttl)
$$
