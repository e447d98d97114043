-- Returns: nothing; takes a schema from version 1 to version 2, beside processes of version 1.
-- Index: each table says below which questions its indexes serve.
-- Locks: the tables it alters, for a moment; the migration lock is held by whoever runs this
--   (transport/postgres/schema.cpp).
-- Twice: never runs twice: meta.version is written in the same transaction.

-- Behind a pooler a process has no session to hold a lock in: its heartbeat alone shows that it
-- lives.
alter table :schema.process add column has_lock boolean not null default true;

-- What became of messages outside of their claim's row, until the claim ends: acknowledged in a
-- transaction of the user's, or barred from that by the process that holds them, which then
-- decides.
create table :schema.acked (
  gen bigint not null,       -- the claim
  index int not null,        -- the message in it
  is_done boolean not null,  -- false: barred
  primary key (gen, index)
);
