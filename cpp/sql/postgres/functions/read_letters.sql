-- Returns: what users have sent and committed, at most p_max messages and about p_bytes, in the
--   order of their sending, from a mark on; and as the first row, with nothing but it, the mark
--   from which the next look may start once all of it is taken: every transaction below it had
--   ended when these rows were read.
-- Index: primary key of outbox, from the mark on: nothing is found behind what is deleted.
-- Locks: none.
-- Twice: the same, until they are drained.
create or replace function :schema.read_letters(p_mark bigint, p_max int, p_bytes bigint)
returns table (mark bigint, number bigint, queue text, id uuid, handler text, content int,
               headers text, body bytea, due_ms bigint, at_ms bigint, priority int,
               expires_ms bigint)
language sql as $$
  (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, null::bigint, null, null::uuid,
    null,
          null::int, null, null::bytea, null::bigint, null::bigint, null::int, null::bigint)
  union all
  (select null, o.number, o.queue, o.id, o.handler, o.content::int, o.headers, o.body,
          (extract(epoch from o.due) * 1000)::bigint, (extract(epoch from o.at) * 1000)::bigint,
          o.priority::int, coalesce((extract(epoch from o.expires) * 1000)::bigint, 0)
   from (select *, sum(octet_length(b.body)) over (order by b.number) - octet_length(b.body) as
     before
         from (select * from :schema.outbox a where a.xid >= p_mark::text::xid8
               order by a.number limit p_max) as b) as o
   where o.before < p_bytes order by o.number)
$$
