-- Returns: nothing; takes a schema from version 1 to version 2, beside processes of version 1.
-- Index: each table says below which questions its indexes serve.
-- Locks: the tables it alters, for a moment; the migration lock is held by whoever runs this
--   (transport/postgres/schema.cpp).
-- Twice: never runs twice: meta.version is written in the same transaction.

-- In the order in which exchanges take them, so that neither waits for the other in turn.
lock :schema.owner in access exclusive mode;
lock :schema.flushed in access exclusive mode;
lock :schema.claim in access exclusive mode;
lock :schema.process in access exclusive mode;
lock :schema.directory in access exclusive mode;

-- Who may say something of a process: the role that it came as; null, of version 1: anybody.
alter table :schema.process add column role name;
alter table :schema.process alter column role set default session_user;
-- Behind a pooler a process has no session to hold a lock in: its heartbeat alone shows that it
-- lives.
alter table :schema.process add column has_lock boolean not null default true;
-- Whether it hears hints: version 1 always does.
alter table :schema.process add column listens boolean not null default true;
-- Of this schema alone: by it a user's connection to another database is found out.
alter table :schema.directory add column mark uuid not null default gen_random_uuid();
-- Processes of version 1 look for free locks: one that never has a lock is none of their business.
create or replace function :schema.look_at_processes(p_self int)
returns table (id int, host text, pid int, heartbeat text, up_s float8) language sql as $$
  select p.id, p.host, p.pid, p.heartbeat, p.up_s
  from :schema.look_at_processes(p_self, 0) p where p.has_lock
$$;

-- Looking: no row of claim below floor.gen is open, lapsed or a position, and no block of the lane
-- below floor.seq is left, so that a look at a cursor need not begin at the left edge of an index
-- whose dead rows an old snapshot keeps. The newest row counts; rows come at the right and go, none
-- is changed.
create table :schema.floor (
  subscription int not null,
  lane int not null,
  gen bigint not null,
  seq bigint not null,
  primary key (subscription, lane, gen)
);
-- The same of parked messages: before the newest row none is due, but for what a slow transaction
-- has brought since. See promote().
create table :schema.due_floor (
  due timestamptz primary key
);
-- Flushed rows of an owner up to its newest row here are gone. In owner it was an update every 256
-- requests, and each request walked over all the row's dead versions to see that it is open. The
-- column stays, for calls of version 1 that wait for this transaction with their old body in hand.
create table :schema.swept (
  owner bigint not null,
  request bigint not null,
  primary key (owner, request)
);
insert into :schema.swept select id, swept from :schema.owner where swept > 0;
alter table :schema.claim add column at timestamptz;  -- when it was made; null: by version 1
alter table :schema.claim alter column at set default clock_timestamp();
-- Of what a request settled, messages to be tried again or given up; snoozes are not. Part 5 of a
-- request: what it promoted, or took out of the outbox.
alter table :schema.flushed add column failed int not null default 0;
-- What was folded into the totals, and when: a row each time, so that nobody waits for anybody.
create table :schema.rate (
  at timestamptz not null default clock_timestamp(),
  subscription int not null,
  sent bigint not null,
  done bigint not null,
  failed bigint not null
);
create index rate_at on :schema.rate (at);  -- what is young is read, what is old removed
-- Told by its statistics that the table has a row, the planner took the index of this constraint
-- for (subscription, lane, gen > ...) and read every dead row that an old snapshot kept: 350 ms a
-- sweep. It takes an index with a condition only where the query implies it; none says prev_gen.
alter table :schema.claim drop constraint claim_subscription_lane_prev_gen_key;
create unique index claim_prev_gen on :schema.claim (subscription, lane, prev_gen)
  where prev_gen >= 0;

-- What became of messages outside of their claim's row, until the claim ends: acknowledged in a
-- transaction of the user's, or barred from that by the process that holds them, which then
-- decides.
create table :schema.acked (
  gen bigint not null,       -- the claim
  index int not null,        -- the message in it
  is_done boolean not null,  -- false: barred
  primary key (gen, index)
);
