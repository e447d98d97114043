-- Returns: nothing; makes the tables of schema version 1 in an empty schema.
-- Index: each table says below which questions its indexes serve.
-- Locks: those of a new table; the migration lock is held by whoever runs this
--   (transport/postgres/schema.cpp).
-- Twice: never runs twice: meta.version is written in the same transaction.

create table :schema.meta (
  version int not null,
  changed_at timestamptz not null default clock_timestamp()
);

-- Numbers of queues, subscriptions, lanes, cursors and processes, and with them of their advisory
-- locks: drawn from one sequence, they cannot collide.
create sequence :schema.number as int;
create sequence :schema.seq as bigint;  -- drawn under a lane's lock
create sequence :schema.gen as bigint;  -- drawn under a cursor's lock

create table :schema.queue (
  id int primary key default nextval(':schema.number'),
  name text collate "C" not null unique
);
create table :schema.subscription (
  id int primary key default nextval(':schema.number'),
  queue int not null,
  name text collate "C" not null,
  unique (queue, name)
);
create table :schema.lane (
  id int primary key default nextval(':schema.number'),  -- also the number of its lock
  queue int not null,
  subscription int not null,  -- that alone reads it (returned messages); 0: all of the queue
  band int not null,
  shard int not null,
  epoch int not null,
  is_closed boolean not null default false,
  unique (queue, subscription, band, shard, epoch)
);
-- A subscription's place in a lane: who holds its lock may claim there.
create table :schema.cursor (
  subscription int not null,
  lane int not null,
  number int not null default nextval(':schema.number'),  -- of its lock
  deletes boolean not null,  -- one reader and no retention: settles delete the lane's blocks
  primary key (subscription, lane)
);

-- Raised in the transaction that makes or removes a queue, subscription or lane: who knows the
-- version knows all of them.
create table :schema.directory (
  id int primary key check (id = 0),
  version bigint not null
) with (fillfactor = 50);
insert into :schema.directory values (0, 1);

create table :schema.block (
  lane int not null,
  seq bigint not null,
  n int not null,             -- messages
  bytes int not null,         -- of their frames, without the trailer
  first_id uuid not null,     -- lowest and highest id
  last_id uuid not null,
  owner bigint not null,      -- whose request ...
  request bigint not null,    -- ... of this number wrote it
  at timestamptz not null,    -- taken under the lane's lock
  checksum bigint not null,   -- XXH3 of frames
  frames bytea not null,
  primary key (lane, seq)
);
-- A block is compressed by nobody: it is written once, read once and deleted.
alter table :schema.block alter frames set storage external;

-- Ranges run from (lo_seq, lo_index) to below (hi_seq, hi_index); the end of a block is (seq + 1,
-- 0).
create table :schema.claim (
  subscription int not null,
  lane int not null,
  gen bigint not null,          -- the fence: never used twice
  lo_seq bigint not null,
  lo_index int not null,
  hi_seq bigint not null,
  hi_index int not null,
  owner bigint not null,
  request bigint not null,
  kind smallint not null,       -- 0 advance, 1 reclaim, 2 seek
  state smallint not null,      -- 0 open, 1 settled (the newest row, kept as position), 2 lapsed
  attempt int not null,         -- claims of the range so far, this one included
  crashes int not null,         -- of processes that ran it alone
  crashed_at timestamptz,       -- the first of them
  is_suspect boolean not null,  -- its process died: runs one message at a time
  until timestamptz not null,   -- end of the lease
  lease_ms bigint not null,
  n int not null,               -- messages in the range
  done varbit,                  -- of them, those that are no longer to be run; null: none
  pos_seq bigint not null,      -- claimed up to, when this row is the newest
  pos_index int not null,
  prev_gen bigint not null,     -- the newest row before it
  primary key (subscription, lane, gen),
  unique (subscription, lane, prev_gen)  -- a stale read becomes an error, never a second claim
) with (fillfactor = 80);
create index claim_lapsed on :schema.claim (subscription, lane, lo_seq, lo_index) where state = 2;

-- One message each, as a block of one: what waits for its time, and dead letters.
create table :schema.parked (
  number bigint primary key generated always as identity,
  queue int not null,
  subscription int not null,  -- to which it returns; 0: all of the queue
  kind smallint not null,     -- 0 delayed by its producer, 1 retry, 2 snooze
  due timestamptz not null,
  parked_at timestamptz not null,
  id uuid not null,
  bytes int not null,
  checksum bigint not null,
  frames bytea not null
);
create index parked_due on :schema.parked (due);
create index parked_id on :schema.parked (queue, id);
-- What users sent in transactions of their own, by the queue's name; blocks are made of it when it
-- is committed. It is scanned from a mark on, below which every transaction had ended.
create table :schema.outbox (
  xid xid8 not null default pg_current_xact_id(),
  number bigint not null generated always as identity,
  queue text not null,
  id uuid not null,
  handler text not null,
  content smallint not null,
  headers text not null,
  body bytea not null,
  due timestamptz,              -- null: at once
  at timestamptz not null,
  primary key (xid, number)
);
create table :schema.dead_letter (
  number bigint primary key generated always as identity,
  queue int not null,
  subscription int not null,
  reason text not null,
  died_at timestamptz not null,
  id uuid not null,
  bytes int not null,
  checksum bigint not null,
  frames bytea not null
);
create index dead_letter_id on :schema.dead_letter (queue, id);
create table :schema.quarantine (
  lane int not null,
  seq bigint not null,
  queue int not null,
  n int not null,
  owner bigint not null,
  at timestamptz not null,
  checksum bigint not null,
  frames bytea not null,
  found_at timestamptz not null,
  reason text not null,
  primary key (lane, seq)
);

create table :schema.process (
  id int primary key default nextval(':schema.number'),  -- also the number of its lock
  host text not null,
  pid int not null,
  started_at timestamptz not null,
  heartbeat_at timestamptz not null,
  is_dead boolean not null default false
) with (fillfactor = 50);
create table :schema.owner (
  id bigint primary key,
  process int not null,
  is_closed boolean not null default false,  -- whatever comes from it now is refused
  closed_at timestamptz,                     -- since when, by the store's clock
  swept bigint not null default 0            -- its flushed rows up to this number are gone
) with (fillfactor = 50);

-- What a request did, written in its own transaction: a client whose reply was lost finds it here.
-- Also the changes of the queue's totals, folded into them when the row is swept.
create table :schema.flushed (
  owner bigint not null,
  request bigint not null,
  part smallint not null,         -- 1 append, 2 park, 3 settle
  subscription int not null,
  sent int not null default 0,
  parked int not null default 0,
  done int not null default 0,
  dead int not null default 0,
  -- settles of the request whose claim was no longer open; null: none
  lost int[],
  primary key (owner, request, part, subscription)
);
-- sent = waiting + leased + parked + done + dead + purged + quarantined; waiting and leased are
-- found from claims, so that no claim writes here.
create table :schema.totals (
  subscription int primary key,
  sent bigint not null default 0,
  parked bigint not null default 0,
  done bigint not null default 0,
  dead bigint not null default 0,
  purged bigint not null default 0,
  quarantined bigint not null default 0
) with (fillfactor = 50);
