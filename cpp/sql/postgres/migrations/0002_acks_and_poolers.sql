-- Returns: nothing; takes a schema from version 1 to version 2, beside processes of version 1.
-- Index: each table says below which questions its indexes serve.
-- Locks: the tables it alters, for a moment; the migration lock is held by whoever runs this
--   (transport/postgres/schema.cpp).
-- Twice: never runs twice: meta.version is written in the same transaction.

-- Behind a pooler a process has no session to hold a lock in: its heartbeat alone shows that it
-- lives.
alter table :schema.process add column has_lock boolean not null default true;
-- Processes of version 1 look for free locks: one that never has a lock is none of their business.
create or replace function :schema.look_at_processes(p_self int)
returns table (id int, host text, pid int, heartbeat text, up_s float8) language sql as $$
  select p.id, p.host, p.pid, p.heartbeat, p.up_s
  from :schema.look_at_processes(p_self, 0) p where p.has_lock
$$;
