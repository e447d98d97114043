-- Returns: nothing; takes a file from version 1 to version 2.
-- Index: none.
-- Locks: the write lock, for the whole migration.
-- Twice: never runs twice: user_version is raised in the same transaction.

-- lane.band is now used: the priority of its messages, less 5.
alter table parked add column priority integer not null default 5;
alter table parked add column expires_ms integer not null default 0;  -- Unix ms; 0: never
alter table dead add column priority integer not null default 5;
alter table dead add column expires_ms integer not null default 0;
-- Keys: those above the priorities are shards of keys (band + 5 from 100 on). The hash stands for
-- the key; the place is where its message stood when it was first taken out of its lane.
alter table parked add column key text not null default '';
alter table parked add column hash integer;  -- null: no key
alter table parked add column place_seq integer not null default 0;
alter table parked add column place_index integer not null default 0;
alter table dead add column key text not null default '';
create index parked_key on parked (queue, hash, place_seq, place_index) where hash is not null;
-- Keys of which messages came back and are not decided yet, and how many; one more where the first
-- that was parked waits for one in hand, which stands at the place (0: none).
create table away_key (
  queue integer not null,
  hash integer not null,
  in_lane integer not null,
  waits_seq integer not null default 0,
  waits_index integer not null default 0,
  primary key (queue, hash)
) without rowid;
-- Dedup ids: which message of a queue has one, and until when it is remembered; kind 0 for a time,
-- 1 until the message is done, 2 until it is started.
alter table parked add column once blob not null default x'';
alter table dead add column once blob not null default x'';
create table dedup (
  queue integer not null,
  id text not null,
  message blob not null,
  digest integer not null,
  kind integer not null,
  until_ms integer not null,
  primary key (queue, id)
) without rowid;
create index dedup_until on dedup (until_ms);
create index dedup_message on dedup (queue, message) where kind > 0;
-- What is set of a queue.
alter table queue add column is_paused integer not null default 0;
alter table queue add column length_max integer not null default 0;  -- 0: no bound
alter table queue add column overflow integer not null default 0;    -- as in config.h
alter table queue add column overflow_wait_ms integer not null default 30000;
alter table queue add column is_topic integer not null default 0;
alter table queue add column retention_ms integer not null default 0;
-- Subscriptions: each is a queue, which reads the lanes of a log; that is a queue, too, with a name
-- that nobody can give.
alter table queue add column log integer not null default 0;     -- the log it writes; 0: none
alter table queue add column source integer not null default 0;  -- the log it reads; 0: none
-- Processes that claim messages of keys where others do, too; when they last said so, boot clock.
create table reader (
  subscription integer not null,
  process integer not null,
  said_ms integer not null,
  primary key (subscription, process)
) without rowid;
-- totals: messages whose time was over before they were run, and parked ones that were called off;
-- null, of version 1: none
alter table hot add column expired integer;
alter table hot add column cancelled integer;
-- Which version of the file a process knows; null: 1. One that looked just before this migration
-- joins after it no more.
alter table process add column version integer;
create trigger process_is_older before insert on process when new.version is null begin
  select raise(abort, 'the file was upgraded by a newer msgq: upgrade msgq here');
end;
