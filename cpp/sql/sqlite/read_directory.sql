-- Returns: every queue with its subscription, main lane and return lane (NULL: none yet).
-- Index: primary keys; the tables are small and read when the directory changed.
-- Locks: nothing; a read of its snapshot.
-- Twice: reads only.
select q.id, q.name, s.id,
  (select max(l.id) from lane l where l.queue = q.id and l.subscription = 0 and l.is_closed = 0),
  (select max(l.id) from lane l where l.subscription = s.id and l.is_closed = 0)
from queue q join subscription s on s.queue = q.id
