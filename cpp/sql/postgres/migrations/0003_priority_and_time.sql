-- Returns: nothing; takes a schema from version 2 to version 3, beside processes of older versions.
-- Index: none.
-- Locks: the tables it alters, for a moment; the migration lock is held by whoever runs this
--   (transport/postgres/schema.cpp).
-- Twice: never runs twice: meta.version is written in the same transaction.

-- In the order in which they are taken by those who drain, exchange and fold, so that neither waits
-- for the other in turn. The outbox first, as a user's open transaction may hold it for long: while
-- this waits for it, nobody waits for this but who sends so; and it does not wait for long.
set local lock_timeout = '5s';
lock :schema.outbox in access exclusive mode;
lock :schema.owner in access exclusive mode;
lock :schema.parked in access exclusive mode;
lock :schema.flushed in access exclusive mode;
lock :schema.totals in access exclusive mode;
lock :schema.lane in access exclusive mode;
set local lock_timeout = 0;

-- lane.band is now used: the priority of its messages, less 5. To which of them a message returns:
alter table :schema.parked add column band smallint not null default 0;
alter table :schema.outbox add column priority smallint not null default 5;
alter table :schema.outbox add column expires timestamptz;  -- null: never
-- Keys: bands from 95 on are shards of keys. The hash stands for the key; the place is where its
-- message stood when it was first taken out of its lane.
alter table :schema.parked add column hash bigint;  -- null: no key
alter table :schema.parked add column place_seq bigint not null default 0;
alter table :schema.parked add column place_index int not null default 0;
create index parked_key on :schema.parked (queue, hash, place_seq, place_index)
  where hash is not null;
create index parked_key_due on :schema.parked (due) where hash is not null;
-- Keys of which messages came back and are not decided yet, and how many; one more where the first
-- that was parked waits for one in hand, which stands at the place seq * 2^20 + index (0: none).
create table :schema.away_key (
  queue int not null,
  hash bigint not null,
  in_lane int not null,
  waits_for bigint not null default 0,
  primary key (queue, hash)
);
-- Dedup ids: which message of a queue has one, and until when it is remembered; kind 0 for a time,
-- 1 until the message is done, 2 until it is started.
create table :schema.dedup (
  queue int not null,
  id text not null,
  message uuid not null,
  digest bigint not null,
  kind smallint not null,
  until timestamptz not null,
  primary key (queue, id)
);
create index dedup_until on :schema.dedup (until);
create index dedup_message on :schema.dedup (queue, message) where kind > 0;
-- What is set of a queue; no row: nothing is.
create table :schema.queue_setting (
  queue int primary key,
  is_paused boolean not null default false,
  length_max bigint not null default 0,  -- 0: no bound
  overflow smallint not null default 0,  -- as in config.h
  overflow_wait_ms bigint not null default 30000,
  is_topic boolean not null default false,
  retention_ms bigint not null default 0
);
-- Subscriptions: each is a queue (follower), which reads the lanes of a log beside what comes back
-- to it alone. A log is a queue, too, which nobody sees: to it goes what its source is sent.
create table :schema.log (
  queue int primary key,
  source int not null unique
);
create table :schema.follower (
  queue int primary key,
  log int not null
);
create index follower_log on :schema.follower (log);
-- The lane of the log to which this lane's blocks go, too; is_topic: to it alone.
alter table :schema.lane add column log int;
alter table :schema.lane add column is_topic boolean not null default false;
-- Processes that claim messages of keys where others do, too, and when they last said so.
create table :schema.reader (
  subscription int not null,
  process int not null,
  said_at timestamptz not null,
  primary key (subscription, process)
) with (fillfactor = 50);
-- Messages whose time was over before they were run, and parked ones that were called off.
alter table :schema.flushed add column expired int not null default 0;
alter table :schema.totals add column expired bigint not null default 0;
alter table :schema.totals add column cancelled bigint not null default 0;

-- With two more parameters they are other functions; those of the old names would be ambiguous.
drop function if exists :schema.enqueue(text, bytea, jsonb, interval, text, text, int);
drop function if exists :schema.enqueue(text, text, jsonb, interval, text, text);
drop function if exists :schema.enqueue(text, jsonb, jsonb, interval, text, text);

-- Processes of version 1 and 2 know one lane of returned messages, that of normal priority, and
-- bring back what goes there; the rest waits for a process of this version.
create or replace function :schema.returned_lane(p_queue int) returns int language sql as $$
  select :schema.returned_lane(p_queue, 0)
$$;
create or replace function :schema.make_lane(
  p_queue int, p_subscription int, p_private int, p_shard int)
returns int language sql as $$
  select :schema.make_lane(p_queue, p_subscription, p_private, p_shard, 0)
$$;
create or replace function :schema.promote(p_max int) returns int language plpgsql as $$
declare
  v_count int;
begin
  perform :schema.lock_lanes(array(
    select :schema.returned_lane(p.queue, 0) from (
      select distinct d.queue from (
        select queue from :schema.parked where due <= :schema.clock() and band = 0
        order by due limit p_max) as d) as p order by 1));
  with due as (
    select p.number, l.id as lane, p.queue from :schema.parked p
    join :schema.lane l on l.queue = p.queue and l.subscription <> 0 and l.band = 0
    where p.due <= :schema.clock() and p.band = 0
    order by p.due limit p_max for update of p skip locked
  ), gone as (
    delete from :schema.parked p using due where p.number = due.number
    returning due.lane, p.queue, p.due, p.number, p.id, p.bytes, p.checksum, p.frames
  ), back as (
    insert into :schema.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select g.lane, nextval(':schema.seq'), 1, g.bytes, g.id, g.id, 0, 0, :schema.clock(),
           g.checksum, g.frames
    from (select * from gone order by due, number) as g
  ), counted as (
    update :schema.totals t set parked = t.parked - c.n
    from (select s.id, count(*) as n from gone g join :schema.subscription s on s.queue = g.queue
          group by s.id) as c
    where t.subscription = c.id
  )
  select count(*) into v_count from gone;
  return v_count;
end $$;

-- A block with a time to live is one that they cannot read and would put aside as damaged, whatever
-- its lane: they claim nothing any more, and leave what users send to those who know what is new
-- about it. What they hold they settle, and what they send is taken. The first is of version 1.
create or replace function :schema.claim_wish(
  p_owner bigint, p_request bigint, p_process int, p_runs_suspect boolean,
  p_settled :schema.claim[], p_subscription int, p_lanes int[], p_room int, p_bytes bigint,
  p_lease_ms bigint, p_flags int, p_is_in boolean,
  out taken int, out has_more boolean, out suspects_waiting boolean, out runs_suspect boolean,
  out gens bigint[])
language sql as $$ select 0, false, false, p_runs_suspect, '{}'::bigint[] $$;
create or replace function :schema.claim_wish(
  p_owner bigint, p_request bigint, p_process int, p_runs_suspect boolean,
  p_settled :schema.claim[], p_subscription int, p_lanes int[], p_room int, p_bytes bigint,
  p_lease_ms bigint, p_flags int,
  out taken int, out has_more boolean, out suspects_waiting boolean, out runs_suspect boolean,
  out passed_over boolean, out gens bigint[])
language sql as $$ select 0, false, false, p_runs_suspect, false, '{}'::bigint[] $$;
create or replace function :schema.read_outbox(p_mark bigint, p_max int, p_bytes bigint)
returns table (mark bigint, number bigint, queue text, id uuid, handler text, content int,
               headers text, body bytea, due_ms bigint, at_ms bigint)
language sql as $$
  select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, null::bigint, null::text,
         null::uuid, null::text, null::int, null::text, null::bytea, null::bigint, null::bigint
$$;
