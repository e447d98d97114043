-- Returns: nothing; makes the tables of schema version 1 in an empty file.
-- Index: each table says below which questions its indexes serve.
-- Locks: the write lock, for the whole migration.
-- Twice: never runs twice: user_version is raised in the same transaction.

-- Rows that nearly every commit writes, together, so that they dirty one page:
-- kind 0 the counters (one row), kind 1 an owner (a connection), kind 2 the totals of a
-- subscription.
create table hot (
  kind integer not null,
  id integer not null,
  tick integer,         -- counter: the last seq, gen or number that was drawn; never used twice
  directory integer,    -- counter: raised with every change of queue, subscription, lane
  at_ms integer,        -- counter: Unix ms of the last append; never falls
  lapsed integer,       -- counter: claims that are lapsed now, in all lanes
  process integer,      -- owner
  is_closed integer,    -- owner: whatever comes from it now is refused
  request integer,      -- owner: number of its last committed exchange
  answers blob,         -- owner: which settles of that exchange were lost, as a bitmap; null: none
  -- totals: sent = waiting + leased + parked + done + dead + purged + quarantined
  sent integer,
  leased integer,
  parked integer,
  done integer,
  dead integer,
  purged integer,
  quarantined integer,
  primary key (kind, id)
) without rowid;
insert into hot (kind, id, tick, directory, at_ms, lapsed) values (0, 0, 0, 0, 0, 0);

create table queue (id integer primary key autoincrement, name text not null unique);
create table subscription (
  id integer primary key autoincrement, queue integer not null, name text not null);
create table lane (
  id integer primary key autoincrement,  -- below 2^23: a block's id is lane << 40 | seq
  queue integer not null,
  subscription integer not null,  -- that alone reads it (returned messages); 0: all of the queue
  band integer not null,
  shard integer not null,
  epoch integer not null,
  is_closed integer not null,
  deletes integer not null        -- 1: one reader and no retention, so settles delete its blocks
);

create table block (
  id integer primary key,   -- lane << 40 | seq
  n integer not null,       -- messages
  first_id blob not null,   -- lowest and highest id, 16 bytes
  last_id blob not null,
  owner integer not null,   -- whose exchange ...
  request integer not null, -- ... of this number wrote it
  at_ms integer not null,   -- never falls in a lane
  flags integer not null,   -- 1 damaged, moved to quarantine
  skip blob,                -- messages masked as duplicates, as a bitmap
  checksum integer not null,-- XXH3 of frames
  frames blob not null
);

-- Ranges run from (lo_seq, lo_index) to below (hi_seq, hi_index); the end of a block is (seq + 1,
-- 0).
create table claim (
  subscription integer not null,
  lane integer not null,
  gen integer not null,
  lo_seq integer not null,
  lo_index integer not null,
  hi_seq integer not null,
  hi_index integer not null,
  owner integer not null,
  kind integer not null,        -- 0 advance, 1 reclaim, 2 seek
  state integer not null,       -- 0 open, 1 settled (the newest row, kept as position), 2 lapsed
  attempt integer not null,     -- claims of the range so far, this one included
  crashes integer not null,     -- of processes that ran it alone
  crashed_ms integer not null,  -- the first of them, Unix ms
  is_suspect integer not null,  -- its process died: runs one message at a time
  until_ms integer not null,    -- end of the lease, boot clock
  lease_ms integer not null,
  n integer not null,           -- messages in the range
  done blob,                    -- of them, those that are no longer to be run, as a bitmap
  pos_seq integer not null,     -- claimed up to, when this row is the newest
  pos_index integer not null,
  prev_gen integer not null,    -- the newest row before it
  primary key (subscription, lane, gen)
) without rowid;
create index claim_lapsed on claim (subscription, lane, lo_seq, lo_index) where state = 2;

create table parked (
  number integer primary key,
  id blob not null,
  type text not null,
  content integer not null,
  headers text not null,
  body blob not null,
  deliveries integer not null,
  failures integer not null,
  crashes integer not null,
  history text not null,
  enqueued_ms integer not null,
  queue integer not null,
  subscription integer not null,  -- to which it returns; 0: all of the queue
  kind integer not null,          -- 0 delayed by its producer, 1 retry, 2 snooze
  due_ms integer not null,
  parked_ms integer not null
);
create index parked_due on parked (due_ms);
create index parked_id on parked (queue, id);

create table dead (
  number integer primary key,
  id blob not null,
  type text not null,
  content integer not null,
  headers text not null,
  body blob not null,
  deliveries integer not null,
  failures integer not null,
  crashes integer not null,
  history text not null,
  enqueued_ms integer not null,
  queue integer not null,
  subscription integer not null,
  reason text not null,
  died_ms integer not null
);
create index dead_queue on dead (queue);
create index dead_id on dead (queue, id);

create table quarantine (
  id integer primary key,  -- the block's
  queue integer not null,
  n integer not null,
  owner integer not null,
  at_ms integer not null,
  checksum integer not null,
  frames blob not null,
  found_ms integer not null,
  reason text not null
);

create table process (
  id integer primary key,  -- also the byte of the side file that it keeps locked while it lives
  boot_id text not null,
  host text not null,
  pid integer not null,
  started_ms integer not null,
  heartbeat_ms integer not null
);
