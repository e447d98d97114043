begin;
-- Returns: nothing; functions may name one another before they are there, in this transaction.
-- Index: none.
-- Locks: none.
-- Twice: harmless.
set local check_function_bodies = off;

-- Returns: nothing; makes the schema. One that is there needs no right to make schemas.
-- Index: the catalog's.
-- Locks: none that others wait for.
-- Twice: changes nothing.
do $$ begin
  if to_regnamespace('msgq') is null then
    create schema msgq;
  end if;
end $$;

-- Returns: nothing; makes the tables of schema version 1 in an empty schema.
-- Index: each table says below which questions its indexes serve.
-- Locks: those of a new table; the migration lock is held by whoever runs this
--   (transport/postgres/schema.cpp).
-- Twice: never runs twice: meta.version is written in the same transaction.

create table msgq.meta (
  version int not null,
  changed_at timestamptz not null default clock_timestamp()
);

-- Numbers of queues, subscriptions, lanes, cursors and processes, and with them of their advisory
-- locks: drawn from one sequence, they cannot collide.
create sequence msgq.number as int;
create sequence msgq.seq as bigint;  -- drawn under a lane's lock
create sequence msgq.gen as bigint;  -- drawn under a cursor's lock

create table msgq.queue (
  id int primary key default nextval('msgq.number'),
  name text collate "C" not null unique
);
create table msgq.subscription (
  id int primary key default nextval('msgq.number'),
  queue int not null,
  name text collate "C" not null,
  unique (queue, name)
);
create table msgq.lane (
  id int primary key default nextval('msgq.number'),  -- also the number of its lock
  queue int not null,
  subscription int not null,  -- that alone reads it (returned messages); 0: all of the queue
  band int not null,
  shard int not null,
  epoch int not null,
  is_closed boolean not null default false,
  unique (queue, subscription, band, shard, epoch)
);
-- A subscription's place in a lane: who holds its lock may claim there.
create table msgq.cursor (
  subscription int not null,
  lane int not null,
  number int not null default nextval('msgq.number'),  -- of its lock
  deletes boolean not null,  -- one reader and no retention: settles delete the lane's blocks
  primary key (subscription, lane)
);

-- Raised in the transaction that makes or removes a queue, subscription or lane: who knows the
-- version knows all of them.
create table msgq.directory (
  id int primary key check (id = 0),
  version bigint not null
) with (fillfactor = 50);
insert into msgq.directory values (0, 1);

create table msgq.block (
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
alter table msgq.block alter frames set storage external;

-- Ranges run from (lo_seq, lo_index) to below (hi_seq, hi_index); the end of a block is (seq + 1,
-- 0).
create table msgq.claim (
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
create index claim_lapsed on msgq.claim (subscription, lane, lo_seq, lo_index) where state = 2;

-- One message each, as a block of one: what waits for its time, and dead letters.
create table msgq.parked (
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
create index parked_due on msgq.parked (due);
create index parked_id on msgq.parked (queue, id);
-- What users sent in transactions of their own, by the queue's name; blocks are made of it when it
-- is committed. It is scanned from a mark on, below which every transaction had ended.
create table msgq.outbox (
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
create table msgq.dead_letter (
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
create index dead_letter_id on msgq.dead_letter (queue, id);
create table msgq.quarantine (
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

create table msgq.process (
  id int primary key default nextval('msgq.number'),  -- also the number of its lock
  host text not null,
  pid int not null,
  started_at timestamptz not null,
  heartbeat_at timestamptz not null,
  is_dead boolean not null default false
) with (fillfactor = 50);
create table msgq.owner (
  id bigint primary key,
  process int not null,
  is_closed boolean not null default false,  -- whatever comes from it now is refused
  closed_at timestamptz,                     -- since when, by the store's clock
  swept bigint not null default 0            -- its flushed rows up to this number are gone
) with (fillfactor = 50);

-- What a request did, written in its own transaction: a client whose reply was lost finds it here.
-- Also the changes of the queue's totals, folded into them when the row is swept.
create table msgq.flushed (
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
create table msgq.totals (
  subscription int primary key,
  sent bigint not null default 0,
  parked bigint not null default 0,
  done bigint not null default 0,
  dead bigint not null default 0,
  purged bigint not null default 0,
  quarantined bigint not null default 0
) with (fillfactor = 50);

-- Returns: nothing; takes a schema from version 1 to version 2, beside processes of version 1.
-- Index: each table says below which questions its indexes serve.
-- Locks: the tables it alters, for a moment; the migration lock is held by whoever runs this
--   (transport/postgres/schema.cpp).
-- Twice: never runs twice: meta.version is written in the same transaction.

-- In the order in which exchanges take them, so that neither waits for the other in turn.
lock msgq.owner in access exclusive mode;
lock msgq.flushed in access exclusive mode;
lock msgq.claim in access exclusive mode;
lock msgq.process in access exclusive mode;
lock msgq.directory in access exclusive mode;

-- Who may say something of a process: the role that it came as; null, of version 1: anybody.
alter table msgq.process add column role name;
alter table msgq.process alter column role set default session_user;
-- Behind a pooler a process has no session to hold a lock in: its heartbeat alone shows that it
-- lives.
alter table msgq.process add column has_lock boolean not null default true;
-- Whether it hears hints: version 1 always does.
alter table msgq.process add column listens boolean not null default true;
-- Of this schema alone: by it a user's connection to another database is found out.
alter table msgq.directory add column mark uuid not null default gen_random_uuid();
-- Processes of version 1 look for free locks: one that never has a lock is none of their business.
create or replace function msgq.look_at_processes(p_self int)
returns table (id int, host text, pid int, heartbeat text, up_s float8) language sql as $$
  select p.id, p.host, p.pid, p.heartbeat, p.up_s
  from msgq.look_at_processes(p_self, 0) p where p.has_lock
$$;

-- Looking: no row of claim below floor.gen is open, lapsed or a position, and no block of the lane
-- below floor.seq is left, so that a look at a cursor need not begin at the left edge of an index
-- whose dead rows an old snapshot keeps. The newest row counts; rows come at the right and go, none
-- is changed.
create table msgq.floor (
  subscription int not null,
  lane int not null,
  gen bigint not null,
  seq bigint not null,
  primary key (subscription, lane, gen)
);
-- The same of parked messages: before the newest row none is due, but for what a slow transaction
-- has brought since. See promote().
create table msgq.due_floor (
  due timestamptz primary key
);
-- Flushed rows of an owner up to its newest row here are gone. In owner it was an update every 256
-- requests, and each request walked over all the row's dead versions to see that it is open. The
-- column stays, for calls of version 1 that wait for this transaction with their old body in hand.
create table msgq.swept (
  owner bigint not null,
  request bigint not null,
  primary key (owner, request)
);
insert into msgq.swept select id, swept from msgq.owner where swept > 0;
alter table msgq.claim add column at timestamptz;  -- when it was made; null: by version 1
alter table msgq.claim alter column at set default clock_timestamp();
-- Of what a request settled, messages to be tried again or given up; snoozes are not. Part 5 of a
-- request: what it promoted, or took out of the outbox.
alter table msgq.flushed add column failed int not null default 0;
-- What was folded into the totals, and when: a row each time, so that nobody waits for anybody.
create table msgq.rate (
  at timestamptz not null default clock_timestamp(),
  subscription int not null,
  sent bigint not null,
  done bigint not null,
  failed bigint not null
);
create index rate_at on msgq.rate (at);  -- what is young is read, what is old removed
-- Told by its statistics that the table has a row, the planner took the index of this constraint
-- for (subscription, lane, gen > ...) and read every dead row that an old snapshot kept: 350 ms a
-- sweep. It takes an index with a condition only where the query implies it; none says prev_gen.
alter table msgq.claim drop constraint claim_subscription_lane_prev_gen_key;
create unique index claim_prev_gen on msgq.claim (subscription, lane, prev_gen)
  where prev_gen >= 0;

-- What became of messages outside of their claim's row, until the claim ends: acknowledged in a
-- transaction of the user's, or barred from that by the process that holds them, which then
-- decides.
create table msgq.acked (
  gen bigint not null,       -- the claim
  index int not null,        -- the message in it
  is_done boolean not null,  -- false: barred
  primary key (gen, index)
);

-- Returns: nothing; acknowledges messages in the caller's own transaction, at any isolation level:
--   they are done if, and only if, it commits. Raises MQ010: the lease has gone; MQ011: the
--   transaction began before the delivery; MQ012: already decided; MQ013: another transaction that
--   is still open acknowledges one of them.
-- Index: primary keys of claim and acked.
-- Locks: the claims' rows, key share, until the caller's transaction ends: they can be extended and
--   settled in part meanwhile, but not end. Whoever would end them passes over.
-- Twice: MQ012.
create or replace function msgq.ack(
  p_subscriptions int[], p_lanes int[], p_gens bigint[], p_owners bigint[], p_indexes int[])
returns void language plpgsql set lock_timeout = '5s' as $$
declare
  v_claim record;
  v_done varbit;
begin
  for v_claim in
    select a.subscription, a.lane, a.gen, a.owner, array_agg(a.index) as indexes
    from unnest(p_subscriptions, p_lanes, p_gens, p_owners, p_indexes)
      as a(subscription, lane, gen, owner, index)
    group by 1, 2, 3, 4 order by 1, 2, 3
  loop
    select c.done into v_done from msgq.claim c
      where c.subscription = v_claim.subscription and c.lane = v_claim.lane
        and c.gen = v_claim.gen and c.owner = v_claim.owner and c.state = 0
      for key share;
    if not found then
      perform msgq.refuse_ack(v_claim.subscription, v_claim.lane, v_claim.gen);
    end if;
    if exists (select 1 from unnest(v_claim.indexes) as i where get_bit(v_done, i) = 1) then
      raise unique_violation;
    end if;
    insert into msgq.acked (gen, index, is_done)
    select v_claim.gen, i, true from unnest(v_claim.indexes) as i order by i;
  end loop;
exception
  when serialization_failure then  -- the claim has ended; another reason is raised again
    perform msgq.refuse_ack(v_claim.subscription, v_claim.lane, v_claim.gen);
  when unique_violation then
    raise exception using errcode = 'MQ012', message = 'this message is already settled';
  when lock_not_available then
    raise exception using errcode = 'MQ013',
      message = 'another transaction that is still open acknowledges this message';
end $$;

-- Returns: nothing; appends blocks in the order given (one alone: append_one). Within a lane the
--   order of seq is the order in which blocks become visible, as the lane's lock is held to the end
--   of the transaction.
-- Index: primary key of block, at its right edge.
-- Locks: the owner, shared; the lanes.
-- Twice: an error: (owner, request) is in flushed.
create or replace function msgq.append(
  p_owner bigint, p_request bigint, p_lanes int[], p_subscriptions int[], p_n int[], p_bytes int[],
  p_first uuid[], p_last uuid[], p_checksums bigint[], p_ends int[], p_frames bytea)
returns void language plpgsql as $$
declare
  v_from int := 0;
  v_at timestamptz;
begin
  perform msgq.enter(p_owner);
  perform msgq.lock_lanes(p_lanes);
  v_at := msgq.clock();
  for i in 1 .. cardinality(p_lanes) loop
    insert into msgq.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select l.id, nextval('msgq.seq'), p_n[i], p_bytes[i], p_first[i], p_last[i], p_owner,
           p_request, v_at, p_checksums[i],
           substring(p_frames from v_from + 1 for p_ends[i] - v_from)
    from msgq.lane l where l.id = p_lanes[i] and not l.is_closed;
    if not found then
      raise exception using errcode = 'MQ003', message = 'a lane was closed; look it up again';
    end if;
    v_from := p_ends[i];
  end loop;
  insert into msgq.flushed (owner, request, part, subscription, sent)
  select p_owner, p_request, 1, s, sum(n) from unnest(p_subscriptions, p_n) as each(s, n)
    group by s;
end $$;

-- Returns: nothing; appends one block, as append() does, without its loops and arrays.
-- Index: primary key of block, at its right edge.
-- Locks: the owner, shared; the lane.
-- Twice: an error: (owner, request) is in flushed.
create or replace function msgq.append_one(
  p_owner bigint, p_request bigint, p_lane int, p_subscription int, p_n int, p_bytes int,
  p_first uuid, p_last uuid, p_checksum bigint, p_frames bytea)
returns void language plpgsql as $$
declare
  v_is_held boolean;  -- an expression costs a third of a perform
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    perform msgq.enter(p_owner);  -- says why not
  end if;
  v_is_held := pg_advisory_xact_lock_shared(p_owner) is not null;
  v_is_held := pg_advisory_xact_lock(msgq.space(), p_lane) is not null;
  insert into msgq.block
    (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
  select l.id, nextval('msgq.seq'), p_n, p_bytes, p_first, p_last, p_owner, p_request,
         msgq.clock(), p_checksum, p_frames
  from msgq.owner o, msgq.lane l
  where o.id = p_owner and not o.is_closed and l.id = p_lane and not l.is_closed;
  if not found then
    perform msgq.enter(p_owner);  -- raises when it is the owner that was closed
    raise exception using errcode = 'MQ003', message = 'a lane was closed; look it up again';
  end if;
  insert into msgq.flushed (owner, request, part, subscription, sent)
  values (p_owner, p_request, 1, p_subscription, p_n);
end $$;

-- Returns: a text read as JSON; null where it is something else, or no text.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.as_json(p_text text) returns jsonb
language plpgsql immutable strict as $$
begin
  return nullif(p_text, '')::jsonb;
exception when others then
  return null;
end $$;

-- Returns: bytes read as UTF-8; null where they are something else.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.as_text(p_bytes bytea) returns text
language plpgsql immutable strict as $$
begin
  return convert_from(p_bytes, 'UTF8');
exception when others then
  return null;
end $$;

-- Returns: for each message what became of it in transactions of the user's: 1 one has
--   acknowledged it; 2 none has, and none will any more; 3 one that is still open may. A message
--   whose lease has gone is 2: its settle will hear that.
-- Index: primary keys of claim and acked.
-- Locks: the claims' rows, key share: a settle in part goes on meanwhile.
-- Twice: the same.
create or replace function msgq.bar(
  p_subscriptions int[], p_lanes int[], p_gens bigint[], p_owners bigint[], p_indexes int[])
returns table (fate int) language plpgsql set lock_timeout = '500ms' as $$
declare
  v_is_done boolean;
begin
  for v_place in 1 .. cardinality(p_gens) loop
    fate := 2;
    select a.is_done into v_is_done from msgq.acked a
      where a.gen = p_gens[v_place] and a.index = p_indexes[v_place];
    if not found then
      begin
        perform 1 from msgq.claim c
          where c.subscription = p_subscriptions[v_place] and c.lane = p_lanes[v_place]
            and c.gen = p_gens[v_place] and c.owner = p_owners[v_place] and c.state = 0
          for key share;
        if found then
          insert into msgq.acked (gen, index, is_done)
          values (p_gens[v_place], p_indexes[v_place], false);
        end if;
      exception
        when unique_violation then  -- somebody came first, and has committed
          select a.is_done into v_is_done from msgq.acked a
            where a.gen = p_gens[v_place] and a.index = p_indexes[v_place];
        when lock_not_available then
          fate := 3;
          perform set_config('lock_timeout', '10ms', true);  -- one wait is enough for all
      end;
    end if;
    if v_is_done then
      fate := 1;
    end if;
    return next;
  end loop;
end $$;

-- Returns: whether the process still counts as alive, and whether there are others that hear hints;
--   writes that it is.
-- Index: primary key of process.
-- Locks: the process's row, for an instant; its commit waits for no disk.
-- Twice: harmless.
create or replace function msgq.beat(p_process int, out is_alive boolean, out has_others boolean)
language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  update msgq.process set heartbeat_at = clock_timestamp()
    where id = p_process and not is_dead and coalesce(role, session_user) = session_user;
  is_alive := found;
  has_others := msgq.has_listeners(p_process);
end $$;

-- Returns: whether the one message left of a lapsed claim became a dead letter.
-- Index: primary key of claim; dead_letter_id.
-- Locks: the claim's row.
-- Twice: false.
create or replace function msgq.bury_message(
  p_subscription int, p_lane int, p_gen bigint, p_reason text, p_id uuid, p_bytes int,
  p_checksum bigint, p_frames bytea)
returns boolean language plpgsql as $$
declare
  v_claim msgq.claim;
begin
  select * into v_claim from msgq.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen = p_gen and c.state = 2
    for update;
  if not found or v_claim.n - msgq.ones(v_claim.done) <> 1 then
    return false;
  end if;
  insert into msgq.dead_letter (queue, subscription, reason, died_at, id, bytes, checksum,
    frames)
  select s.queue, s.id, p_reason, msgq.clock(), p_id, p_bytes, p_checksum, p_frames
  from msgq.subscription s where s.id = p_subscription;
  update msgq.totals set dead = dead + 1 where subscription = p_subscription;
  perform msgq.end_claims(array[v_claim]);
  return true;
end $$;

-- Returns: the claims that a dead process held, now claimable again, each with whether its one
--   message was alone: then its crash is counted. All of them are suspects, unless a late heartbeat
--   is all that is known: that is no proof. Nothing when its heart beat again.
-- Index: primary key of process.
-- Locks: the process's row; its owners; its claims, those that others hold are passed over: of one
--   of which a user's open transaction acknowledges messages the lease ends now. Then totals.
-- Twice: finds nothing.
create or replace function msgq.bury_process(p_process int, p_heartbeat text, p_window_ms bigint)
returns table (subscription int, lane int, gen bigint, is_alone boolean, crashes int)
language plpgsql as $$
#variable_conflict use_column
declare
  v_row msgq.claim;
  v_owners bigint[];
  v_rows msgq.claim[] := '{}';
  v_is_alone boolean;
  v_is_proved boolean;
  v_done varbit;
  v_of int[] := '{}';
  v_acked int[] := '{}';
begin
  update msgq.process set is_dead = true
    where id = p_process and not is_dead and heartbeat_at::text = p_heartbeat
    returning has_lock into v_is_proved;
  if not found then
    return;
  end if;
  select array_agg(o.id order by o.id) into v_owners from msgq.owner o
    where o.process = p_process;
  for n in 1 .. coalesce(cardinality(v_owners), 0) loop
    perform msgq.close_owner(v_owners[n]);
  end loop;
  for v_row in
    select c.* from msgq.claim c where c.owner = any (v_owners) and c.state = 0
    order by c.subscription, c.lane, c.gen for update skip locked
  loop
    v_rows := v_rows || v_row;
  end loop;
  foreach v_row in array v_rows loop
    v_done := msgq.take_acks(v_row.gen, v_row.done, v_row.n);
    v_of := v_of || v_row.subscription;
    v_acked := v_acked || msgq.ones(v_done) - msgq.ones(v_row.done);
    v_row.done := v_done;
    v_is_alone := v_is_proved and cardinality(v_rows) = 1 and v_row.is_suspect
                  and v_row.n - msgq.ones(v_row.done) = 1;
    if v_is_alone and (v_row.crashes = 0
                       or v_row.crashed_at < msgq.clock() - p_window_ms * interval '1 ms') then
      v_row.crashes := 0;
      v_row.crashed_at := msgq.clock();
    end if;
    v_row.crashes := v_row.crashes + v_is_alone::int;
    v_row.is_suspect := v_row.is_suspect or v_is_proved;
    perform msgq.lapse(v_row);
    return query select v_row.subscription, v_row.lane, v_row.gen, v_is_alone, v_row.crashes;
  end loop;
  perform msgq.end_leases(v_owners, 0);
  perform msgq.count_acks(v_of, v_acked);
end $$;

-- Returns: nothing; refuses what a queue cannot take, by the rules of model/queue_name.cpp.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.check_enqueue(p_queue text, p_headers jsonb, p_key text)
returns void language plpgsql immutable as $$
begin
  if p_queue is null or octet_length(p_queue) not between 1 and 255
     or p_queue ~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]'
     or p_queue ~ '^ | $' or p_queue ~ '(^|/)\.\.?(/|$)' then
    raise exception using errcode = '22023',
      message = format('%L is no name for a queue', p_queue),
      hint = '1 to 255 bytes, no control characters, no space at its ends, no part "." or ".."';
  end if;
  if p_headers is not null and jsonb_typeof(p_headers) <> 'object' then
    raise exception using errcode = '22023', message = 'headers must be a JSON object';
  end if;
  if p_key is not null then
    raise exception using errcode = '0A000', message = 'postgresql has no ordered keys yet',
      hint = 'leave key out';
  end if;
end $$;

-- Returns: what is left of a lapsed row once its first p_n messages have a claim of their own; n is
--   0 when nothing is: the row is gone.
-- Index: primary key of claim, from the right.
-- Locks: none of its own. REQUIRES: the cursor's lock and the row's.
-- Twice: claims the next messages.
create or replace function msgq.claim_front(
  p_row msgq.claim, p_n int, p_hi_seq bigint, p_hi_index int, p_owner bigint, p_request bigint,
  p_lease_ms bigint)
returns msgq.claim language plpgsql as $$
declare
  v_open msgq.claim := p_row;
  v_rest msgq.claim := p_row;
  v_newest record;
begin
  v_open.n := p_n;
  v_open.hi_seq := p_hi_seq;
  v_open.hi_index := p_hi_index;
  v_open.done := substring(p_row.done from 1 for p_n);
  v_rest.n := p_row.n - p_n;
  v_rest.lo_seq := p_hi_seq;
  v_rest.lo_index := p_hi_index;
  v_rest.done := substring(p_row.done from p_n + 1);
  if v_rest.n = msgq.ones(v_rest.done) then  -- nothing to run behind it: it goes along
    v_open := p_row;
    v_rest.n := 0;
  end if;
  select c.gen, c.state, c.pos_seq, c.pos_index into v_newest from msgq.claim c
    where c.subscription = p_row.subscription and c.lane = p_row.lane order by c.gen desc limit 1;
  insert into msgq.claim
    (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner, request, kind, state,
      attempt,
     crashes, crashed_at, is_suspect, until, lease_ms, n, done, pos_seq, pos_index, prev_gen)
  values (p_row.subscription, p_row.lane, nextval('msgq.gen'), p_row.lo_seq, p_row.lo_index,
          v_open.hi_seq, v_open.hi_index, p_owner, p_request, 1, 0, p_row.attempt + 1,
            p_row.crashes,
          p_row.crashed_at, p_row.is_suspect, msgq.clock() + p_lease_ms * interval '1 ms',
          p_lease_ms, v_open.n, v_open.done, v_newest.pos_seq, v_newest.pos_index, v_newest.gen);
  if v_rest.n = 0 then
    delete from msgq.claim
      where subscription = p_row.subscription and lane = p_row.lane and gen = p_row.gen;
  else
    update msgq.claim set n = v_rest.n, lo_seq = v_rest.lo_seq, lo_index = v_rest.lo_index,
                             done = v_rest.done
      where subscription = p_row.subscription and lane = p_row.lane and gen = p_row.gen;
  end if;
  if v_newest.state = 1 then
    delete from msgq.claim
      where subscription = p_row.subscription and lane = p_row.lane and gen = v_newest.gen;
  end if;
  return v_rest;
end $$;

-- Returns: how many messages of lapsed ranges were claimed, their bytes, the claims' gens; has_more
--   when the room was spent first. With p_suspects only a suspect, alone; otherwise none of them.
-- Index: claim_lapsed; primary key of block.
-- Locks: the lapsed rows; those that others hold are passed over. REQUIRES: the cursor's lock.
-- Twice: the next ranges.
create or replace function msgq.claim_lapsed(
  p_owner bigint, p_request bigint, p_subscription int, p_lane int, p_room int, p_extra int,
  p_bytes bigint, p_is_first boolean, p_lease_ms bigint, p_suspects boolean,
  out taken int, out bytes bigint, out has_more boolean,
  out gens bigint[])
language plpgsql as $$
#variable_conflict use_variable
declare
  v_row msgq.claim;
  v_front record;
begin
  taken := 0; bytes := 0; has_more := false; gens := '{}';
  perform msgq.enter(p_owner);
  for v_row in
    select * from msgq.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.state = 2
      and c.is_suspect = p_suspects
    order by c.lo_seq, c.lo_index for update skip locked
  loop
    continue when not msgq.is_complete(v_row);
    while v_row.n > 0 loop
      if taken >= p_room or (bytes >= p_bytes and not (p_is_first and taken = 0)) then
        has_more := true;
        return;
      end if;
      v_front := msgq.cut_front(v_row, p_room - taken, p_extra, p_bytes - bytes,
                                   p_is_first and taken = 0);
      exit when v_front.n = 0;
      v_row := msgq.claim_front(v_row, v_front.n, v_front.hi_seq, v_front.hi_index, p_owner,
                                   p_request, p_lease_ms);
      gens := gens || currval('msgq.gen');
      taken := taken + v_front.undone;
      bytes := bytes + v_front.bytes;
      if p_suspects then
        return;
      end if;
    end loop;
    has_more := has_more or v_row.n > 0;
  end loop;
end $$;

-- Returns: the claim of the next blocks behind the position, as large as there is room; gen is null
--   when nothing waits. The position and the attempt are durable before anybody sees a message.
-- Index: primary key of claim, from the right; primary key of block from the position on.
-- Locks: the owner, shared. REQUIRES: the cursor's lock.
-- Twice: the next blocks.
create or replace function msgq.claim_waiting(
  p_owner bigint, p_request bigint, p_subscription int, p_lane int, p_room int, p_extra int,
  p_bytes bigint, p_is_first boolean, p_lease_ms bigint,
  p_is_in boolean, out gen bigint, out lo_seq bigint, out lo_index int, out hi_seq bigint,
    out hi_index int, out n int,
  out bytes bigint, out has_more boolean)
language plpgsql as $$
#variable_conflict use_variable
declare
  v_newest record;
  v_block record;
  v_index int;
  v_take int;
  v_size bigint;
begin
  n := 0; bytes := 0; has_more := false;
  select c.gen, c.state, c.pos_seq, c.pos_index, c.prev_gen into v_newest from msgq.claim c
    where c.subscription = p_subscription and c.lane = p_lane order by c.gen desc limit 1;
  for v_block in
    select b.seq, b.n, b.bytes from msgq.block b
    where b.lane = p_lane and b.seq >= coalesce(v_newest.pos_seq, 0) order by b.seq
  loop
    v_index := case when v_block.seq = v_newest.pos_seq then v_newest.pos_index else 0 end;
    continue when v_index >= v_block.n;
    if v_index = 0 and v_block.n <= p_room - n and v_block.bytes <= p_bytes - bytes then
      v_take := v_block.n;  -- a whole block that fits, as most do
    else
      v_take := msgq.fit(v_block.n - v_index, p_room - n, p_extra, v_block.bytes::bigint,
        v_block.n,
                            p_bytes - bytes, p_is_first and n = 0);
    end if;
    if v_take = 0 then
      has_more := true;
      exit;
    end if;
    if n = 0 then
      lo_seq := v_block.seq;
      lo_index := v_index;
    end if;
    n := n + v_take;
    bytes := bytes + v_block.bytes::bigint * v_take / v_block.n;
    if v_index + v_take < v_block.n then
      hi_seq := v_block.seq;
      hi_index := v_index + v_take;
      has_more := true;
      exit;
    end if;
    hi_seq := v_block.seq + 1;
    hi_index := 0;
  end loop;
  if n = 0 then
    return;
  end if;
  if not p_is_in then
    perform msgq.enter(p_owner);
  end if;
  gen := nextval('msgq.gen');
  insert into msgq.claim
    (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner, request, kind, state,
      attempt,
     crashes, is_suspect, until, lease_ms, n, pos_seq, pos_index, prev_gen)
  values (p_subscription, p_lane, gen, lo_seq, lo_index, hi_seq, hi_index, p_owner, p_request, 0, 0,
    1,
          0, false, msgq.clock() + p_lease_ms * interval '1 ms', p_lease_ms, n, hi_seq, hi_index,
          coalesce(v_newest.gen, 0));
  if v_newest.state = 1 then
    delete from msgq.claim c
      where c.subscription = p_subscription and c.lane = p_lane and c.gen = v_newest.gen;
  end if;
end $$;

-- Returns: how many messages one wish got, by which claims, from the lanes of its subscription,
--   lapsed ones first. p_flags: 1 a suspect may be given, 2 not one more than p_room, 4 continues
--   the wish before it, 8 the owner is entered. passed_over: it got nothing, and where somebody
--   else was just claiming there seems to be more.
-- Index: primary key of cursor, claim_lapsed.
-- Locks: cursors, tried, no more of them than the room needs: one that somebody else claims on is
--   passed over.
-- Twice: gets the next messages.
create or replace function msgq.claim_wish(
  p_owner bigint, p_request bigint, p_process int, p_runs_suspect boolean,
    p_settled msgq.claim[],
  p_subscription int, p_lanes int[], p_room int, p_bytes bigint, p_lease_ms bigint, p_flags int,
  out taken int, out has_more boolean, out suspects_waiting boolean, out runs_suspect boolean,
  out passed_over boolean, out gens bigint[])
language plpgsql as $$
#variable_conflict use_variable
declare
  v_extra int := case when p_flags & 2 > 0 then 0 else p_room / 2 end;
  v_passed int[] := '{}';
  v_lane int;
  v_got record;
  v_held record;
  v_has_lapsed boolean;
begin
  taken := 0; has_more := p_room <= 0; suspects_waiting := false; runs_suspect := p_runs_suspect;
  passed_over := false; gens := '{}';
  if p_room <= 0 then
    return;
  end if;
  if cardinality(p_lanes) > 2 then
    p_lanes := msgq.lanes_with_work(p_subscription, p_lanes);
  end if;
  v_has_lapsed := exists (select 1 from msgq.claim c where c.subscription = p_subscription
                          and c.lane = any (p_lanes) and c.state = 2);
  suspects_waiting := v_has_lapsed and msgq.has_suspects(p_subscription, p_lanes);

  if suspects_waiting or runs_suspect then
    v_held := msgq.count_held(p_process, p_settled);
    runs_suspect := v_held.suspects > 0;
    if not runs_suspect and p_flags & 1 > 0 and v_held.n = 0 then
      foreach v_lane in array p_lanes loop
        continue when not msgq.try_cursor(p_subscription, v_lane);
        v_got := msgq.claim_lapsed(p_owner, p_request, p_subscription, v_lane, 1, 0, 0, true,
                                      p_lease_ms, true);
        runs_suspect := v_got.taken > 0;
        taken := v_got.taken;
        gens := gens || v_got.gens;
        exit when runs_suspect;
      end loop;
    end if;
    suspects_waiting := msgq.has_suspects(p_subscription, p_lanes);
    if runs_suspect then  -- it is alone in its process, or its crash would prove nothing
      return;
    end if;
  end if;

  if v_has_lapsed then
    foreach v_lane in array p_lanes loop
      exit when taken >= p_room;
      continue when not msgq.try_cursor(p_subscription, v_lane);
      v_got := msgq.claim_lapsed(p_owner, p_request, p_subscription, v_lane, p_room - taken,
        v_extra,
                                    p_bytes, taken = 0, p_lease_ms, false);
      taken := taken + v_got.taken;
      p_bytes := p_bytes - v_got.bytes;
      has_more := has_more or v_got.has_more;
      gens := gens || v_got.gens;
    end loop;
  end if;
  foreach v_lane in array p_lanes loop
    if taken >= p_room then
      has_more := true;
      exit;
    elsif not msgq.try_cursor(p_subscription, v_lane) then
      v_passed := v_passed || v_lane;
      continue;
    end if;
    v_got := msgq.claim_waiting(p_owner, p_request, p_subscription, v_lane, p_room - taken,
      v_extra,
                                   p_bytes, taken = 0, p_lease_ms, p_flags & 8 > 0);
    has_more := has_more or v_got.has_more;
    continue when v_got.gen is null;
    taken := taken + v_got.n;
    p_bytes := p_bytes - v_got.bytes;
    gens := gens || v_got.gen;
  end loop;
  passed_over := taken = 0 and cardinality(v_passed) > 0
                 and cardinality(msgq.lanes_with_work(p_subscription, v_passed)) > 0;
end $$;

-- Returns: how many closed owners went, with what their requests left, once nobody can ask after
--   them any more; dead processes follow when they have no owner left, and rates that are old.
-- Index: primary keys of owner and flushed; rate_at.
-- Locks: the owners' rows; the totals.
-- Twice: 0.
create or replace function msgq.clear_away(p_age_ms bigint) returns int language plpgsql as $$
declare
  v_owners bigint[];
  v_owner bigint;
begin
  v_owners := array(
    select o.id from msgq.owner o
    where o.closed_at < msgq.clock() - p_age_ms * interval '1 ms'
      and not exists (select 1 from msgq.claim c where c.owner = o.id and c.state = 0)
    order by o.id for update skip locked);
  perform msgq.lock_totals(v_owners);
  foreach v_owner in array v_owners loop
    perform msgq.sweep_flushed(v_owner, 9223372036854775807);
    delete from msgq.swept where owner = v_owner;
    delete from msgq.owner where id = v_owner;
  end loop;
  delete from msgq.floor f using msgq.floor higher
    where higher.subscription = f.subscription and higher.lane = f.lane and higher.gen > f.gen;
  delete from msgq.due_floor where due < (select max(due) from msgq.due_floor);
  delete from msgq.rate where at < clock_timestamp() - interval '20 minutes';
  delete from msgq.process p
    where p.is_dead and not exists (select 1 from msgq.owner o where o.process = p.id);
  return cardinality(v_owners);
end $$;

-- Returns: the store's time, the only one that leases and due times obey.
-- Index: none.
-- Locks: none.
-- Twice: the same, later. Tests put a clock of their own in its place.
create or replace function msgq.clock() returns timestamptz language sql volatile as $$
  select clock_timestamp()
$$;

-- Returns: whether it is known; it is closed then. Waits for what a statement of it still holds,
--   late ones included; whatever comes after this has committed is refused.
-- Index: primary key of owner.
-- Locks: the owner's lock, and its row.
-- Twice: the same.
create or replace function msgq.close_owner(p_owner bigint) returns boolean
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(p_owner);
  update msgq.owner set is_closed = true, closed_at = coalesce(closed_at, msgq.clock())
    where id = p_owner;
  return found;
end $$;

-- Returns: nothing; counts messages that users acknowledged in transactions of their own as done.
-- Index: primary key of totals.
-- Locks: the totals' rows, in order.
-- Twice: counts them twice; its caller does not come twice.
create or replace function msgq.count_acks(p_subscriptions int[], p_counts int[]) returns void
language plpgsql as $$
declare
  v_change record;
begin
  for v_change in
    select a.subscription, sum(a.n) as n
    from unnest(p_subscriptions, p_counts) as a(subscription, n)
    where a.n > 0 group by 1 order by 1
  loop
    update msgq.totals set done = done + v_change.n where subscription = v_change.subscription;
  end loop;
end $$;

-- Returns: how many claims a process has open, without those that are ending, and how many of them
--   are suspects.
-- Index: see live_claims; primary key of owner.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.count_held(
  p_process int, p_ending msgq.claim[], out n bigint, out suspects bigint)
language sql stable as $$
  select count(*), count(*) filter (where c.is_suspect)
  from msgq.live_claims() c join msgq.owner o on o.id = c.owner
  where c.state = 0 and o.process = p_process
    and not exists (select 1 from unnest(p_ending) as e where e.gen = c.gen)
$$;

-- Returns: the front of a lapsed range that fits into the room: its messages, those of them to be
--   run, their bytes, and its end.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same. The bytes of a message are guessed from its block's mean.
create or replace function msgq.cut_front(
  p_row msgq.claim, p_room int, p_extra int, p_bytes bigint, p_is_first boolean,
  out n int, out undone int, out bytes bigint, out hi_seq bigint, out hi_index int)
language plpgsql as $$
#variable_conflict use_variable
declare
  v_block record;
  v_index int;
  v_until int;
  v_takes_all boolean;
begin
  n := 0; undone := 0; bytes := 0;
  v_takes_all := p_row.n - msgq.ones(p_row.done) <= p_room + p_extra;
  for v_block in
    select b.seq, b.n, b.bytes::bigint / b.n as mean from msgq.block b
    where b.lane = p_row.lane and b.seq >= p_row.lo_seq
      and b.seq < p_row.hi_seq + (p_row.hi_index > 0)::int
    order by b.seq
  loop
    v_index := case when v_block.seq = p_row.lo_seq then p_row.lo_index else 0 end;
    v_until := case when v_block.seq = p_row.hi_seq then p_row.hi_index else v_block.n end;
    while v_index < v_until loop
      if p_row.done is null or get_bit(p_row.done, n) = 0 then
        exit when not (p_is_first and undone = 0)
          and (bytes + v_block.mean > p_bytes or (undone >= p_room and not v_takes_all));
        undone := undone + 1;
        bytes := bytes + v_block.mean;
      end if;
      n := n + 1;
      v_index := v_index + 1;
    end loop;
    hi_seq := case when v_index = v_block.n then v_block.seq + 1 else v_block.seq end;
    hi_index := case when v_index = v_block.n then 0 else v_index end;
    exit when v_index < v_until;
  end loop;
end $$;

-- Returns: how many of these dead letters of a queue were deleted.
-- Index: primary key of dead_letter.
-- Locks: the rows; the totals.
-- Twice: 0.
create or replace function msgq.delete_dead(p_queue int, p_numbers bigint[]) returns int
language plpgsql as $$
declare
  v_count int;
begin
  delete from msgq.dead_letter where number = any (p_numbers) and queue = p_queue;
  get diagnostics v_count = row_count;
  update msgq.totals set dead = dead - v_count, purged = purged + v_count
    where subscription = (select id from msgq.subscription where queue = p_queue);
  return v_count;
end $$;

-- Returns: nothing; a queue goes with everything that is in it.
-- Index: primary keys and the unique keys that begin with the queue.
-- Locks: as purge(), and the rows.
-- Twice: an error: it is not there.
create or replace function msgq.delete_queue(p_queue int) returns void language plpgsql as $$
declare
  v_subscription int;
begin
  select id into v_subscription from msgq.subscription where queue = p_queue;
  perform msgq.purge(p_queue);
  delete from msgq.block where lane in (select id from msgq.lane where queue = p_queue);
  delete from msgq.dead_letter where queue = p_queue;
  delete from msgq.claim where subscription = v_subscription;
  delete from msgq.floor where subscription = v_subscription;
  delete from msgq.rate where subscription = v_subscription;
  delete from msgq.cursor where subscription = v_subscription;
  delete from msgq.lane where queue = p_queue;
  delete from msgq.totals where subscription = v_subscription;
  delete from msgq.flushed where subscription = v_subscription;
  delete from msgq.subscription where queue = p_queue;
  delete from msgq.queue where id = p_queue;
  update msgq.directory set version = version + 1 where id = 0;
end $$;

-- Returns: every queue's totals, what its open claims hold, and when its oldest waiting block was
--   written; see figures.
-- Index: see figures.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.depth()
returns table (queue text, sent bigint, parked bigint, leased bigint, done bigint, dead bigint,
               purged bigint, quarantined bigint, oldest_ms bigint)
language sql as $$
  select f.queue, f.sent, f.parked, f.leased, f.done, f.dead, f.purged, f.quarantined,
         (extract(epoch from f.oldest) * 1000)::bigint
  from msgq.figures(null) f
$$;

-- Returns: how much of one queue is where, exactly, and since when its oldest message waits; no row
--   for a queue that is not there. In time that does not grow with the queue.
-- Index: see figures.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.depth(p_queue text)
returns table (waiting bigint, leased bigint, parked bigint, done bigint, dead bigint,
               oldest timestamptz)
language sql stable as $$
  select f.sent - f.parked - f.leased - f.done - f.dead - f.purged - f.quarantined, f.leased,
         f.parked, f.done, f.dead, f.oldest
  from msgq.figures(p_queue) f
$$;

-- Returns: the version of the directory.
-- Index: primary key of directory.
-- Locks: none.
-- Twice: the same, while nothing new is made.
create or replace function msgq.directory_version() returns bigint language plpgsql as $$
begin
  return (select version from msgq.directory where id = 0);
end $$;

-- Returns: whether these rows of the outbox became blocks and parked messages; false, and nothing
--   is changed, when somebody else has taken one of them.
-- Index: primary key of outbox from the mark on; primary key of block, at its right edge.
-- Locks: the owner, shared; the lanes; the rows.
-- Twice: false.
create or replace function msgq.drain_outbox(
  p_owner bigint, p_request bigint, p_mark bigint, p_numbers bigint[],
  b_lanes int[], b_subscriptions int[], b_n int[], b_bytes int[], b_first uuid[], b_last uuid[],
  b_checksums bigint[], b_ends int[], b_frames bytea,
  k_queues int[], k_subscriptions int[], k_due_ms bigint[], k_ids uuid[], k_bytes int[],
  k_checksums bigint[], k_ends int[], k_frames bytea)
returns boolean language plpgsql as $$
declare
  v_now timestamptz;
  v_count int;
begin
  perform msgq.enter(p_owner);
  perform msgq.lock_lanes(b_lanes);
  perform 1 from msgq.queue where id = any (k_queues) order by id for key share;
  if exists (select 1 from unnest(k_queues) as q(id)
             where not exists (select 1 from msgq.queue e where e.id = q.id)) then
    raise exception using errcode = 'MQ003', message = 'a queue was deleted; look it up again';
  end if;
  v_now := msgq.clock();
  select count(*) into v_count from (
    select 1 from msgq.outbox o
    where o.xid >= p_mark::text::xid8 and o.number = any (p_numbers)
    order by o.number for update skip locked) as ours;
  if v_count <> cardinality(p_numbers) then
    return false;
  end if;
  delete from msgq.outbox o where o.xid >= p_mark::text::xid8 and o.number = any (p_numbers);
  for i in 1 .. cardinality(b_lanes) loop
    insert into msgq.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    values (b_lanes[i], nextval('msgq.seq'), b_n[i], b_bytes[i], b_first[i], b_last[i], 0, 0,
      v_now,
            b_checksums[i], msgq.slice(b_frames, b_ends, i));
  end loop;
  for i in 1 .. cardinality(k_queues) loop
    insert into msgq.parked
      (queue, subscription, kind, due, parked_at, id, bytes, checksum, frames)
    values (k_queues[i], 0, 0, greatest(to_timestamp(k_due_ms[i] / 1000.0), v_now), v_now,
            k_ids[i], k_bytes[i], k_checksums[i], msgq.slice(k_frames, k_ends, i));
  end loop;
  insert into msgq.flushed (owner, request, part, subscription, sent, parked)
  select p_owner, p_request, 5, s, sum(n), sum(p)
  from (select s, n, 0 as p from unnest(b_subscriptions, b_n) as b(s, n)
        union all select s, 1, 1 from unnest(k_subscriptions) as s) as each
  group by s;
  return true;
end $$;

-- Returns: nothing; forgets what users' own transactions acknowledged of a claim that is settled as
--   a whole: its process has counted it.
-- Index: primary keys of claim and acked.
-- Locks: none of its own. REQUIRES: the claim's row lock for update, taken in an earlier statement.
-- Twice: changes nothing.
create or replace function msgq.drop_acks(p_claim msgq.claim) returns void
language plpgsql as $$
begin
  perform msgq.take_acks(p_claim.gen, p_claim.done, p_claim.n);
  perform msgq.replace_claim(p_claim);
end $$;

-- Returns: the due time from which on a look at parked messages may begin: what was due before it
--   has gone, and its dead rows need not be read again, however many an old snapshot keeps.
-- Index: primary key of due_floor, from the right, as its callers set enable_seqscan = off.
-- Locks: none.
-- Twice: the same, or later. A clock that was set back is obeyed.
create or replace function msgq.due_from() returns timestamptz language plpgsql stable as $$
begin
  return least(coalesce((select max(f.due) from msgq.due_floor f), '-infinity'),
               msgq.clock() - interval '200 ms');
end $$;

-- Returns: nothing; ends claims all of whose messages are decided: their rows go, but the newest of
--   a cursor stays, settled, as its position. So do settled rows that it replaced.
-- Index: primary key of claim, from the right.
-- Locks: the older rows; those that others hold are passed over. REQUIRES: the claims' row locks.
-- Twice: changes nothing.
create or replace function msgq.end_claims(p_claims msgq.claim[]) returns void
language plpgsql as $$
declare
  v_claim msgq.claim;
  v_newest bigint;
begin
  foreach v_claim in array p_claims loop
    select c.gen into v_newest from msgq.claim c
      where c.subscription = v_claim.subscription and c.lane = v_claim.lane
      order by c.gen desc limit 1;
    if v_newest = v_claim.gen then
      update msgq.claim c set state = 1, done = null
        where c.subscription = v_claim.subscription and c.lane = v_claim.lane
          and c.gen = v_claim.gen;
    else
      delete from msgq.claim c
        where c.subscription = v_claim.subscription and c.lane = v_claim.lane
          and c.gen = v_claim.gen;
    end if;
    -- Two statements: a join of the two may be planned as a walk over all of the lane's dead rows.
    perform 1 from msgq.claim o
      where o.subscription = v_claim.subscription and o.lane = v_claim.lane
        and o.gen = v_claim.prev_gen and o.state = 1
      for update skip locked;
    if found then
      delete from msgq.claim o
        where o.subscription = v_claim.subscription and o.lane = v_claim.lane
          and o.gen = v_claim.prev_gen;
    end if;
  end loop;
end $$;

-- Returns: nothing; ends now the leases of claims that owners still hold open, as users' own
--   transactions acknowledge some of them: whoever looks once those have ended need not wait.
-- Index: none: asked when a process has died, and when a connection was lost or closed.
-- Locks: the claims' rows; those that others hold otherwise are passed over.
-- Twice: ends them again.
create or replace function msgq.end_leases(p_owners bigint[], p_after bigint) returns void
language plpgsql as $$
begin
  update msgq.claim c set until = msgq.clock()
    from (select o.subscription, o.lane, o.gen from msgq.claim o
          where o.owner = any (p_owners) and o.gen > p_after and o.state = 0
          for no key update skip locked) as still
    where c.subscription = still.subscription and c.lane = still.lane and c.gen = still.gen;
end $$;

-- Returns: the id of a message that is in the queue when the caller's transaction has committed,
--   and was never there otherwise. Callable from any language, and from triggers.
-- Index: primary key of outbox, at its right edge.
-- Locks: none that anybody else waits for, however long the transaction lasts.
-- Twice: two messages.
create or replace function msgq.enqueue(
  queue text, body bytea, headers jsonb default null, delay interval default null,
  key text default null, handler text default '', content int default 0)
returns uuid language plpgsql as $$
declare
  v_id uuid := msgq.uuid7();
  v_now timestamptz := msgq.clock();
begin
  perform msgq.check_enqueue(queue, headers, key);
  insert into msgq.outbox (queue, id, handler, content, headers, body, due, at)
  values (enqueue.queue, v_id, enqueue.handler, enqueue.content, coalesce(enqueue.headers::text,
    ''),
          enqueue.body, v_now + enqueue.delay, v_now);
  return v_id;
end $$;

-- Returns: as enqueue() of bytes; the body is JSON.
-- Index: see enqueue.
-- Locks: see enqueue.
-- Twice: two messages.
create or replace function msgq.enqueue(
  queue text, body jsonb, headers jsonb default null, delay interval default null,
  key text default null, handler text default '')
returns uuid language sql as $$
  select msgq.enqueue(queue, convert_to(body::text, 'UTF8'), headers, delay, key, handler, 1)
$$;

-- Returns: as enqueue() of bytes; the body is text.
-- Index: see enqueue.
-- Locks: see enqueue.
-- Twice: two messages.
create or replace function msgq.enqueue(
  queue text, body text, headers jsonb default null, delay interval default null,
  key text default null, handler text default '')
returns uuid language sql as $$
  select msgq.enqueue(queue, convert_to(body, 'UTF8'), headers, delay, key, handler, 3)
$$;

-- Returns: nothing; admits a request of an open owner and keeps the owner open until the request's
--   transaction ends. Raises MQ001 when it is closed, MQ002 when the isolation level is not READ
--   COMMITTED: under another, statements after a lock would not see what its last holder wrote.
-- Index: primary key of owner.
-- Locks: the owner's lock, shared; a lock on its row would cost a write a request.
-- Twice: harmless.
create or replace function msgq.enter(p_owner bigint) returns void language plpgsql as $$
declare
  v_is_held boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'MQ002',
      message = 'msgq runs in READ COMMITTED, not ' || current_setting('transaction_isolation');
  end if;
  v_is_held := pg_advisory_xact_lock_shared(p_owner) is not null;  -- cheaper than a perform
  if not exists (select 1 from msgq.owner where id = p_owner and not is_closed) then
    raise exception using errcode = 'MQ001', message = 'this connection was closed by others';
  end if;
end $$;

-- Returns: what became of a request's settles, extensions and wishes, as rows (what, i, value):
--   1 the i-th settle's claim was no longer open    2 the same of the i-th extension
--   3 the i-th wish: 1 there is more + 2 suspects wait + 4 it was passed over
--   4 ms until the next parked message, if any, from due_from() on
--   5 the directory's version               6 a suspect runs in this process
--   7 the gen of a claim that the i-th wish got
--   The claims that it made are read by read_claims(), in a later statement, without a lock.
-- Index: primary keys of claim, block, cursor; claim_lapsed.
-- Locks: the owner, shared; cursors, tried; claim rows in the order given, that of their keys.
-- Twice: a settle finds its claim gone; (owner, request) is in flushed.
create or replace function msgq.exchange(
  p_owner bigint, p_request bigint, p_process int, p_runs_suspect boolean, p_looks_due boolean,
  s_subscriptions int[], s_lanes int[], s_gens bigint[], s_owners bigint[], s_flags int[],
  s_done text[], s_acked int[],
  r_settles int[], r_kinds int[], r_delays_ms bigint[], r_reasons text[], r_ids uuid[],
  r_bytes int[], r_checksums bigint[], r_ends int[], r_frames bytea,
  e_subscriptions int[], e_lanes int[], e_gens bigint[], e_owners bigint[], e_lease_ms bigint[],
  w_subscriptions int[], w_lane_ends int[], w_lanes int[], w_counts int[], w_bytes bigint[],
  w_lease_ms bigint[], w_flags int[])
returns table (what int, i int, value bigint)
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
#variable_conflict use_variable
declare
  v_claim msgq.claim;
  v_done varbit;
  v_left int;
  v_lost int[] := '{}';
  v_settled msgq.claim[] := '{}';  -- marked or removed at the end: most are replaced by a claim
  v_wish record;
  v_room int := 0;
  v_from timestamptz;
begin
  if cardinality(s_gens) > 0 or cardinality(e_gens) > 0 then
    perform msgq.enter(p_owner);
  end if;

  for n in 1 .. cardinality(s_gens) loop
    if s_flags[n] & 3 > 0 then  -- ends it: whole, or gives back
      select * into v_claim from msgq.claim c
        where (c.subscription, c.lane, c.gen, c.owner, c.state) = (s_subscriptions[n],
          s_lanes[n], s_gens[n], s_owners[n], 0) for update;
    else  -- waits for no transaction of a user's that acknowledges some of it
      select * into v_claim from msgq.claim c
        where (c.subscription, c.lane, c.gen, c.owner, c.state) = (s_subscriptions[n],
          s_lanes[n], s_gens[n], s_owners[n], 0) for no key update;
    end if;
    if not found then
      v_lost := v_lost || n;
      what := 1; i := n - 1; value := 0;
      return next;
      continue;
    end if;
    v_left := 0;
    if s_flags[n] & 1 = 0 then  -- not whole
      v_done := msgq.merged(v_claim.done, s_done[n], v_claim.n);
      v_left := v_claim.n - msgq.ones(v_done);
    elsif s_flags[n] & 4 > 0 then
      perform msgq.drop_acks(v_claim);
    end if;
    if v_left = 0 then
      delete from msgq.block b using msgq.cursor r
        where b.lane = v_claim.lane and b.seq >= v_claim.lo_seq + (v_claim.lo_index > 0)::int
          and b.seq < v_claim.hi_seq and r.deletes and r.lane = v_claim.lane
          and r.subscription = v_claim.subscription;
      v_settled := v_settled || v_claim;
    elsif s_flags[n] & 2 > 0 then  -- gives back
      v_claim.done := v_done;
      v_claim.attempt := greatest(v_claim.attempt - 1, 0);
      s_acked[n] := s_acked[n] + msgq.lapse(v_claim);
    else
      update msgq.claim c set done = v_done where (c.subscription, c.lane, c.gen) =
        (v_claim.subscription, v_claim.lane, v_claim.gen);
    end if;
  end loop;

  if cardinality(r_ids) > 0 then
    perform msgq.set_aside(s_subscriptions, v_lost, r_settles, r_kinds, r_delays_ms, r_reasons,
                              r_ids, r_bytes, r_checksums, r_ends, r_frames);
  end if;
  if cardinality(s_gens) > 0 then
    perform msgq.note_settled(p_owner, p_request, s_subscriptions, s_acked, v_lost, r_settles,
                                 r_kinds);
  end if;

  for n in 1 .. cardinality(e_gens) loop
    update msgq.claim c set until = msgq.clock() + e_lease_ms[n] * interval '1 ms'
      where c.subscription = e_subscriptions[n] and c.lane = e_lanes[n] and c.gen = e_gens[n]
        and c.owner = e_owners[n] and c.state = 0;
    if not found then
      what := 2; i := n - 1; value := 0;
      return next;
    end if;
  end loop;

  for n in 1 .. cardinality(w_subscriptions) loop
    v_room := case when w_flags[n] & 4 > 0 then least(v_room, w_counts[n]) else w_counts[n] end;
    v_wish := msgq.claim_wish(
      p_owner, p_request, p_process, p_runs_suspect, v_settled, w_subscriptions[n],
      w_lanes[coalesce(w_lane_ends[n - 1], 0) + 1 : w_lane_ends[n]], v_room, w_bytes[n],
      w_lease_ms[n],
      w_flags[n] + case when cardinality(s_gens) > 0 or cardinality(e_gens) > 0 then 8 else 0 end);
    p_runs_suspect := v_wish.runs_suspect;
    v_room := greatest(v_room - v_wish.taken, 0);
    what := 3; i := n - 1;
    value := v_wish.has_more::int + 2 * v_wish.suspects_waiting::int + 4 * v_wish.passed_over::int;
    return next;
    foreach value in array v_wish.gens loop
      what := 7;
      return next;
    end loop;
  end loop;

  if cardinality(v_settled) > 0 then
    perform msgq.end_claims(v_settled);
  end if;
  if p_looks_due then
    what := 4; i := 0;
    v_from := msgq.due_from();
    select extract(epoch from min(p.due) - msgq.clock()) * 1000 into value
      from msgq.parked p where p.due >= v_from;
    if value is not null then return next; end if;
  end if;
  what := 5; i := 0;
  select d.version into value from msgq.directory d where d.id = 0;
  return next;
  what := 6; i := 0; value := p_runs_suspect::int;
  return next;
end $$;

-- Returns: the totals of every queue, or of one, what its open claims hold, and when its oldest
--   waiting block was written. Exact at the moment of the statement. What is parked and due waits,
--   like any other: who waits for an idle queue must not miss a retry without delay. Beyond 10,000
--   such messages the rest still counts as parked, as does what a transaction of over ten seconds
--   brought, until promote() finds it at the left: a second, ten at most.
-- Index: primary keys of totals and flushed, behind what was swept; see live_claims and oldest;
--   acked; parked_due. No row is read that is settled, however many an old snapshot keeps.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.figures(p_queue text)
returns table (queue text, sent bigint, parked bigint, leased bigint, done bigint, dead bigint,
               purged bigint, quarantined bigint, oldest timestamptz)
language sql stable rows 100 set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
  with fresh as (
    select f.subscription, sum(f.sent) as sent, sum(f.parked) as parked, sum(f.done) as done,
           sum(f.dead) as dead
    from msgq.owner o
    cross join lateral (
      select * from msgq.flushed f where f.owner = o.id and f.request > coalesce((
        select max(s.request) from msgq.swept s where s.owner = o.id), 0)
      order by f.request) as f
    where f.subscription <> 0 group by f.subscription
  ), held as (
    select c.subscription, sum(c.n - msgq.ones(c.done)) as leased
    from msgq.live_claims() c where c.state = 0 group by c.subscription
  ), acks as (  -- committed by users: done, though their claims are open
    select c.subscription, count(*) as n
    from msgq.live_claims() c join msgq.acked a on a.gen = c.gen
    where c.state = 0 and a.is_done and get_bit(c.done, a.index) is distinct from 1
    group by c.subscription
  ), due as (
    select d.queue, count(*) as n from (
      select p.queue from msgq.parked p where p.due <= (select msgq.clock())
        and p.due >= (select msgq.due_from() - interval '10 s')
      order by p.due limit 10000
    ) as d group by d.queue
  )
  select q.name, t.sent + coalesce(f.sent, 0), t.parked + coalesce(f.parked, 0) - coalesce(d.n, 0),
         coalesce(h.leased, 0) - coalesce(a.n, 0),
         t.done + coalesce(f.done, 0) + coalesce(a.n, 0), t.dead + coalesce(f.dead, 0),
         t.purged, t.quarantined, msgq.oldest(s.id)
  from msgq.queue q join msgq.subscription s on s.queue = q.id
  join msgq.totals t on t.subscription = s.id
  left join fresh f on f.subscription = s.id left join held h on h.subscription = s.id
  left join acks a on a.subscription = s.id
  left join due d on d.queue = q.id
  where p_queue is null or q.name = p_queue
  order by q.name
$$;

-- Returns: the blocks of a lane that may hold an id: those written about the time that is in it,
--   found by halving the lane; of a lane of returned messages, and when none is near, all that span
--   it.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.find_blocks(p_lane int, p_id uuid, p_ms bigint, p_all boolean)
returns table (seq bigint, n int) language plpgsql as $$
#variable_conflict use_column
declare
  v_at timestamptz := to_timestamp(p_ms / 1000.0);
  v_low bigint := 0;
  v_high bigint;
  v_middle bigint;
  v_block record;
begin
  if not p_all then
    select b.seq + 1 into v_high from msgq.block b where b.lane = p_lane order by b.seq desc
      limit 1;
    while v_high - v_low > 64 loop  -- the first block written a minute before the id was made
      v_middle := (v_low + v_high) / 2;
      select b.seq, b.at into v_block from msgq.block b
        where b.lane = p_lane and b.seq >= v_middle order by b.seq limit 1;
      if v_block.at < v_at - interval '1 minute' then
        v_low := v_block.seq;
      else
        v_high := v_middle;
      end if;
    end loop;
    return query select b.seq, b.n from msgq.block b
      where b.lane = p_lane and b.seq >= v_low and b.first_id <= p_id and b.last_id >= p_id
        and b.at < v_at + interval '10 minutes'
      order by b.seq limit 64;
    if found then
      return;
    end if;
  end if;
  return query select b.seq, b.n from msgq.block b
    where b.lane = p_lane and b.first_id <= p_id and b.last_id >= p_id order by b.seq;
end $$;

-- Returns: whether a request of a closed owner happened, and which of its settles were lost.
-- Index: primary key of flushed.
-- Locks: none. REQUIRES: the owner was closed in a transaction before.
-- Twice: the same.
create or replace function msgq.find_request(
  p_owner bigint, p_request bigint, out has_happened boolean, out lost int[])
language sql stable as $$
  select count(*) > 0, max(f.lost) from msgq.flushed f
  where f.owner = p_owner and f.request = p_request
$$;

-- Returns: how many of the p_left messages left in a block go into the room; 0 when it is spent. A
--   block is not cut when half as much again takes the rest; the first message always fits.
-- Index: none.
-- Locks: none.
-- Twice: the same. The bytes of a part are guessed from the block's mean.
create or replace function msgq.fit(
  p_left int, p_room int, p_extra int, p_block_bytes bigint, p_block_n int, p_bytes bigint,
  p_is_first boolean)
returns int language plpgsql immutable as $$
declare
  v_take int;
begin
  if p_room <= 0 or (p_bytes <= 0 and not p_is_first) then
    return 0;
  end if;
  v_take := case when p_left <= p_room + p_extra then p_left else p_room end;
  if p_block_bytes * v_take > p_bytes * p_block_n then
    v_take := p_bytes * p_block_n / greatest(p_block_bytes, 1);
  end if;
  return case when v_take <= 0 and p_is_first then 1 else greatest(v_take, 0) end;
end $$;

-- Returns: how many claims of a closed owner, made after p_after, became claimable again, the
--   attempt not counted: nobody heard of them. One of which a user's open transaction acknowledges
--   messages lapses once that has ended.
-- Index: none: asked when a connection was lost or closed.
-- Locks: the claims' rows; those that others hold are passed over. Then totals.
-- Twice: finds nothing.
create or replace function msgq.give_back(p_owner bigint, p_after bigint) returns int
language plpgsql as $$
declare
  v_claim msgq.claim;
  v_of int[] := '{}';
  v_acked int[] := '{}';
begin
  for v_claim in
    select * from msgq.claim c where c.owner = p_owner and c.gen > p_after and c.state = 0
    order by c.subscription, c.lane, c.gen for update skip locked
  loop
    v_claim.attempt := greatest(v_claim.attempt - 1, 0);
    v_of := v_of || v_claim.subscription;
    v_acked := v_acked || msgq.lapse(v_claim);
  end loop;
  perform msgq.end_leases(array[p_owner], p_after);
  perform msgq.count_acks(v_of, v_acked);
  return cardinality(v_of);
end $$;

-- Returns: all that an idle process has to know, in one answer: the directory's version; how many
--   processes there are; whether one may be dead; whether a lease is over; the milliseconds until
--   the next parked message; whether users have sent something; the subscriptions that find
--   something to claim in p_lanes, or in any lane; and the lanes with blocks behind every claim, to
--   be swept.
-- Index: primary keys of block, lane, subscription's queue, claim from the right, outbox from the
--   mark on; parked_due; claim_lapsed. Of all lanes only those with blocks are looked at.
-- Locks: those of dead processes, shared, to the end of the transaction.
-- Twice: the same. It writes nothing.
create or replace function msgq.glance(
  p_process int, p_late_ms bigint, p_mark bigint, p_all boolean, p_lanes int[],
  out version bigint, out processes bigint, out may_be_dead boolean, out is_over boolean,
  out due_in_ms bigint, out has_outbox boolean, out work int[], out left_subscriptions int[],
  out left_lanes int[])
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := msgq.clock();
  v_from timestamptz := msgq.due_from();
  v_lane int := 0;
  v_reader int;
  v_at record;
  v_floor record;
begin
  select d.version into version from msgq.directory d where d.id = 0;
  select count(*) into processes from msgq.process p where not p.is_dead;
  may_be_dead := exists (  -- as look_at_processes() finds them
    select 1 from msgq.process p where p.id <> p_process and not p.is_dead
      and case when p.has_lock then pg_try_advisory_xact_lock_shared(msgq.space(), p.id)
               else p.heartbeat_at < clock_timestamp() - p_late_ms * interval '1 ms' end);
  is_over := exists (  -- as live_claims() walks: from cursor to claim, and never the other way
    select 1 from msgq.cursor r cross join lateral (
      select c.until from msgq.claim c
      where c.subscription = r.subscription and c.lane = r.lane and c.state = 0
        and c.gen >= coalesce((
          select max(f.gen) from msgq.floor f
          where f.subscription = r.subscription and f.lane = r.lane), 0)
      offset 0) as c
    where c.until <= v_now);
  select extract(epoch from min(p.due) - v_now) * 1000 into due_in_ms
    from msgq.parked p where p.due >= v_from;
  has_outbox := exists (select 1 from msgq.outbox o where o.xid >= p_mark::text::xid8);
  work := array(select distinct c.subscription from msgq.claim c where c.state = 2);
  left_subscriptions := '{}';
  left_lanes := '{}';
  if p_all then
    loop
      select b.lane into v_lane from msgq.block b where b.lane > v_lane order by b.lane limit 1;
      exit when not found;
      p_lanes := p_lanes || v_lane;
    end loop;
  end if;
  foreach v_lane in array p_lanes loop
    for v_reader in
      select s.id from msgq.lane l join msgq.subscription s
        on s.queue = l.queue and l.subscription in (0, s.id) where l.id = v_lane
    loop
      select c.pos_seq, c.pos_index into v_at from msgq.claim c
        where c.subscription = v_reader and c.lane = v_lane order by c.gen desc limit 1;
      if exists (select 1 from msgq.block b
                 where b.lane = v_lane and b.seq >= coalesce(v_at.pos_seq, 0)
                   and (b.seq > coalesce(v_at.pos_seq, 0) or b.n > v_at.pos_index)) then
        work := work || v_reader;
        continue;
      end if;
      select f.gen, f.seq into v_floor from msgq.floor f
        where f.subscription = v_reader and f.lane = v_lane order by f.gen desc limit 1;
      if exists (select 1 from msgq.block b where b.lane = v_lane
                   and b.seq >= coalesce(v_floor.seq, 0) and b.seq < v_at.pos_seq)
        and not exists (select 1 from msgq.claim c where c.subscription = v_reader
                        and c.lane = v_lane and c.state <> 1
                        and c.gen >= coalesce(v_floor.gen, 0)) then
        left_subscriptions := left_subscriptions || v_reader;
        left_lanes := left_lanes || v_lane;
      end if;
    end loop;
  end loop;
end $$;

-- Returns: whether there are other processes that hear hints.
-- Index: none: there are as many rows as processes.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.has_listeners(p_process int) returns boolean
language plpgsql stable as $$
begin
  return exists (
    select 1 from msgq.process where id <> p_process and not is_dead and listens);
end $$;

-- Returns: whether messages wait whose process died while it held them.
-- Index: claim_lapsed.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.has_suspects(p_subscription int, p_lanes int[]) returns boolean
language sql stable as $$
  select exists (select 1 from msgq.claim where subscription = p_subscription
                 and lane = any (p_lanes) and state = 2 and is_suspect)
$$;

-- Returns: nothing; tells every process that listens that there may be work.
-- Index: none.
-- Locks: the server's notification queue, for the instant of its commit.
-- Twice: harmless.
create or replace function msgq.hint() returns void language sql as $$
  select pg_notify('msgq_msgq', '')
$$;

-- Returns: whether the blocks of a range are all there: ordinals would otherwise name other
--   messages. Warns when not.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.is_complete(p_row msgq.claim) returns boolean
language plpgsql as $$
declare
  v_counted bigint;
begin
  select sum(case when b.seq = p_row.hi_seq then p_row.hi_index else b.n end
             - case when b.seq = p_row.lo_seq then p_row.lo_index else 0 end) into v_counted
  from msgq.block b
  where b.lane = p_row.lane and b.seq >= p_row.lo_seq
    and b.seq < p_row.hi_seq + (p_row.hi_index > 0)::int;
  if v_counted is distinct from p_row.n then
    raise warning
      'a block of claim % in lane % is missing: its % messages cannot be run; restore a backup',
      p_row.gen, p_row.lane, p_row.n - msgq.ones(p_row.done);
    return false;
  end if;
  return true;
end $$;

-- Returns: the number of a new process, which is also that of its lock. Without a lock, behind a
--   pooler, its heartbeat alone shows that it lives.
-- Index: primary key of process.
-- Locks: none; the caller takes the process's lock for its session.
-- Twice: another process.
create or replace function msgq.join_process(p_host text, p_pid int, p_has_lock boolean)
  returns int
  language sql as $$
  insert into msgq.process (host, pid, started_at, heartbeat_at, has_lock, listens)
  values (p_host, p_pid, clock_timestamp(), clock_timestamp(), p_has_lock, false)
  returning id
$$;

-- Returns: those of the lanes, in the order given, in which something may be claimed: a block at
--   the position or behind it, or a lapsed range.
-- Index: primary key of claim, from the right; claim_lapsed; primary key of block, from the
--   position on.
-- Locks: none.
-- Twice: the same. In PL/pgSQL, which keeps its plan: SQL would plan it at each claim.
create or replace function msgq.lanes_with_work(p_subscription int, p_lanes int[]) returns int[]
language plpgsql stable as $$
begin
  return (select coalesce(array_agg(given.lane order by given.place), '{}')
    from unnest(p_lanes) with ordinality as given(lane, place)
    where exists (
        select 1 from msgq.block b where b.lane = given.lane and b.seq >= coalesce((
          select c.pos_seq from msgq.claim c
          where c.subscription = p_subscription and c.lane = given.lane
          order by c.gen desc limit 1), 0))
      or exists (
        select 1 from msgq.claim c where c.subscription = p_subscription
          and c.lane = given.lane and c.state = 2));
end $$;

-- Returns: how many messages of the claim users had acknowledged in transactions of their own,
--   which its caller is to count. The rest of the claim is claimable again; without one it ends.
-- Index: primary keys of claim and acked.
-- Locks: none of its own. REQUIRES: the claim's row lock for update, taken in an earlier statement.
-- Twice: its caller finds the claim no longer open.
create or replace function msgq.lapse(p_claim msgq.claim) returns int language plpgsql as $$
declare
  v_done varbit := msgq.take_acks(p_claim.gen, p_claim.done, p_claim.n);
  v_acked int := msgq.ones(v_done) - msgq.ones(p_claim.done);
begin
  p_claim.done := v_done;
  p_claim.state := 2;
  perform msgq.replace_claim(p_claim);
  if msgq.ones(v_done) = p_claim.n then
    perform msgq.end_claims(array[p_claim]);
  end if;
  return v_acked;
end $$;

-- Returns: how many of these claims lapsed: those whose lease is still over.
-- Index: primary key of claim.
-- Locks: their rows; those that others hold are passed over, as are those of which a user's open
--   transaction acknowledges messages. Then totals.
-- Twice: 0.
create or replace function msgq.lapse_expired(p_subscriptions int[], p_lanes int[],
  p_gens bigint[])
returns int language plpgsql as $$
declare
  v_claim msgq.claim;
  v_of int[] := '{}';
  v_acked int[] := '{}';
begin
  for v_claim in
    select c.* from unnest(p_subscriptions, p_lanes, p_gens) as e(subscription, lane, gen)
    join msgq.claim c on c.subscription = e.subscription and c.lane = e.lane and c.gen = e.gen
    where c.state = 0 and c.until <= msgq.clock()
    order by c.subscription, c.lane, c.gen for update of c skip locked
  loop
    v_of := v_of || v_claim.subscription;
    v_acked := v_acked || msgq.lapse(v_claim);
  end loop;
  perform msgq.count_acks(v_of, v_acked);
  return cardinality(v_of);
end $$;

-- Returns: nothing; a connection that heard everything leaves: its open claims become claimable
--   again, uncounted, and its rows go.
-- Index: primary keys of owner and flushed.
-- Locks: the owner, its claims, the totals.
-- Twice: changes nothing.
create or replace function msgq.leave_owner(p_owner bigint) returns void language plpgsql as $$
begin
  perform msgq.close_owner(p_owner);
  perform msgq.lock_totals(array[p_owner]);
  perform msgq.give_back(p_owner, 0);
  perform msgq.sweep_flushed(p_owner, 9223372036854775807);
  delete from msgq.swept where owner = p_owner;
  delete from msgq.owner where id = p_owner;
end $$;

-- Returns: nothing; a process that has closed its connections is no more. What owners of lost
--   connections of it still hold becomes claimable again, uncounted. A process whose lock another
--   session holds lives, and is left alone; so is one that came as another role.
-- Index: primary key of process.
-- Locks: the process's; its row; its owners, their claims, the totals.
-- Twice: changes nothing.
create or replace function msgq.leave_process(p_process int) returns void language plpgsql as $$
declare
  v_owners bigint[];
begin
  if not pg_try_advisory_xact_lock(msgq.space(), p_process) then
    return;
  end if;
  delete from msgq.process
    where id = p_process and coalesce(role, session_user) = session_user;
  if not found then
    return;
  end if;
  v_owners := array(select id from msgq.owner where process = p_process order by id);
  perform msgq.close_owner(o) from unnest(v_owners) as o;
  perform msgq.lock_totals(v_owners);
  perform msgq.leave_owner(o) from unnest(v_owners) as o;
end $$;

-- Returns: dead letters behind a number, oldest first; of all queues when p_queue is 0, of these
--   ids alone when there are any.
-- Index: primary key of dead_letter; dead_letter_id.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.list_dead(p_queue int, p_after bigint, p_ids uuid[], p_max int)
returns table (number bigint, queue int, reason text, died_ago_ms bigint, frames bytea)
language sql as $$
  select d.number, d.queue, d.reason, (extract(epoch
    from msgq.clock() - d.died_at) * 1000)::bigint,
         d.frames
  from msgq.dead_letter d
  where d.number > p_after and (p_queue = 0 or d.queue = p_queue)
    and (cardinality(p_ids) = 0 or d.id = any (p_ids))
  order by d.number limit p_max
$$;

-- Returns: parked messages of a queue behind (id, number), by id.
-- Index: parked_id.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.list_parked(p_queue int, p_id uuid, p_number bigint, p_max int)
returns table (number bigint, due_in_ms bigint, parked_ago_ms bigint, frames bytea)
language sql as $$
  select p.number, (extract(epoch from p.due - msgq.clock()) * 1000)::bigint,
         (extract(epoch from msgq.clock() - p.parked_at) * 1000)::bigint, p.frames
  from msgq.parked p
  where p.queue = p_queue and (p.id, p.number) > (p_id, p_number)
  order by p.id, p.number limit p_max
$$;

-- Returns: the claims that are open or lapsed.
-- Index: primary key of claim, from each cursor's floor on; primary key of floor, from the right.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.live_claims() returns setof msgq.claim
language sql stable rows 100
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
  select c.* from msgq.cursor r
  left join lateral (
    select f.gen from msgq.floor f where f.subscription = r.subscription and f.lane = r.lane
    order by f.gen desc limit 1) as floor on true
  cross join lateral (
    select * from msgq.claim c
    where c.subscription = r.subscription and c.lane = r.lane and c.gen >= coalesce(floor.gen, 0)
      and c.state <> 1
    order by c.gen) as c
$$;

-- Returns: nothing; holds the locks of these lanes until the transaction ends. Raises MQ003 when
--   one of them was closed in favour of a successor, or has gone with its queue.
-- Index: primary key of lane.
-- Locks: the lanes, ascending, without duplicates.
-- Twice: harmless.
create or replace function msgq.lock_lanes(p_lanes int[]) returns void language plpgsql as $$
declare
  v_lane int;
begin
  for v_lane in select distinct l from unnest(p_lanes) l order by 1 loop
    perform pg_advisory_xact_lock(msgq.space(), v_lane);
  end loop;
  if exists (select 1 from unnest(p_lanes) as l(id)
             where not exists (select 1 from msgq.lane e where e.id = l.id and not e.is_closed))
               then
    raise exception using errcode = 'MQ003', message = 'a lane was closed; look it up again';
  end if;
end $$;

-- Returns: nothing; this session shows by its lock that the process lives. A session of the same
--   process that the server has not yet noticed to be gone is ended: it would keep the lock.
-- Index: none.
-- Locks: the process's lock, for the session.
-- Twice: harmless.
create or replace function msgq.lock_process(p_process int) returns void language plpgsql as $$
begin
  if pg_try_advisory_lock(msgq.space(), p_process) then
    return;
  end if;
  perform pg_terminate_backend(l.pid) from pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 2 and l.mode = 'ExclusiveLock' and l.granted
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
      and l.classid = 'msgq'::regnamespace::oid and l.objid = p_process::oid
      and l.pid <> pg_backend_pid();
  perform pg_advisory_lock(msgq.space(), p_process);
end $$;

-- Returns: nothing; locks all totals that folding what these owners left will change: whoever folds
--   of several in turn would else meet those who hold a later one and wait for an earlier one.
-- Index: primary keys of flushed and totals; claims as in give_back.
-- Locks: the totals' rows, ascending.
-- Twice: harmless.
create or replace function msgq.lock_totals(p_owners bigint[]) returns void
language plpgsql as $$
begin
  perform 1 from msgq.totals t
    where t.subscription in (
      select f.subscription from msgq.flushed f where f.owner = any (p_owners)
      union select c.subscription from msgq.claim c
      where c.owner = any (p_owners) and c.state = 0)
    order by t.subscription for no key update;
end $$;

-- Returns: the messages of these claims that users' committed transactions acknowledged.
-- Index: primary key of acked.
-- Locks: none.
-- Twice: the same, as long as the claims are open.
create or replace function msgq.look_at_acks(p_gens bigint[])
returns table (gen bigint, index int) language sql stable as $$
  select a.gen, a.index from msgq.acked a where a.gen = any (p_gens) and a.is_done
$$;

-- Returns: open claims whose lease is over.
-- Index: see live_claims.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.look_at_expired()
returns table (subscription int, lane int, gen bigint, until_ms bigint, lease_ms bigint,
  now_ms bigint)
language sql as $$
  select c.subscription, c.lane, c.gen, (extract(epoch from c.until) * 1000)::bigint, c.lease_ms,
         (extract(epoch from msgq.clock()) * 1000)::bigint
  from msgq.live_claims() c where c.state = 0 and c.until <= msgq.clock()
$$;

-- Returns: the other processes that may be dead: those whose lock is free (they have died, or lost
--   the session that held it), and those without a lock whose heart has not beaten for p_late_ms;
--   and for how long this session lasts: what freed the locks of living processes (a restart, a
--   crash of another backend, a failover) ended it too.
-- Index: none: processes are few.
-- Locks: the free ones' locks, shared, to the end of the statement.
-- Twice: the same; only a second look, later, proves a death (reclaim.cpp).
create or replace function msgq.look_at_processes(p_self int, p_late_ms bigint)
returns table (id int, host text, pid int, heartbeat text, up_s float8, has_lock boolean)
language sql as $$
  select p.id, p.host, p.pid, p.heartbeat_at::text,
         extract(epoch from clock_timestamp() - (
           select a.backend_start from pg_stat_activity a where a.pid = pg_backend_pid())),
         p.has_lock
  from msgq.process p
  where p.id <> p_self and not p.is_dead
    and case when p.has_lock then pg_try_advisory_xact_lock_shared(msgq.space(), p.id)
             else p.heartbeat_at < clock_timestamp() - p_late_ms * interval '1 ms' end
$$;

-- Returns: the lane of a queue with this shard, made with its cursor when there is none.
-- Index: the unique key of lane; primary key of cursor.
-- Locks: those of the rows; the directory's, to the end of the transaction.
-- Twice: the same lane.
create or replace function msgq.make_lane(
  p_queue int, p_subscription int, p_private int, p_shard int)
returns int language plpgsql as $$
declare
  v_lane int;
begin
  insert into msgq.lane (queue, subscription, band, shard, epoch)
  values (p_queue, p_private, 0, p_shard, 0) on conflict do nothing;
  select id into v_lane from msgq.lane
    where queue = p_queue and subscription = p_private and band = 0 and shard = p_shard
      and epoch = 0;
  insert into msgq.cursor (subscription, lane, deletes) values (p_subscription, v_lane, true)
  on conflict do nothing;
  if found then
    update msgq.directory set version = version + 1 where id = 0;
  end if;
  return v_lane;
end $$;

-- Returns: the bits that were set and those that are set now, as long as the claim.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.merged(p_before varbit, p_now text, p_n int) returns varbit
language sql immutable as $$
  select rpad(p_now, p_n, '0')::varbit | coalesce(p_before, repeat('0', p_n)::varbit)
$$;

-- Returns: nothing; says whether the process hears hints. Those that only send do not: the server
--   would wake every one of them for every hint.
-- Index: primary key of process.
-- Locks: the process's row, when it is told otherwise than before.
-- Twice: harmless.
create or replace function msgq.note_listens(p_process int, p_listens boolean) returns void
language sql as $$
  update msgq.process set listens = p_listens
  where id = p_process and listens <> p_listens and coalesce(role, session_user) = session_user
$$;

-- Returns: nothing; says whether the process shows by a lock that it lives, or, behind a pooler, by
--   its heartbeat alone. Nothing is believed of a process whose lock another session
--   holds, or that came as another role.
-- Index: primary key of process.
-- Locks: the process's row, when it is told otherwise than before.
-- Twice: harmless.
create or replace function msgq.note_lock(p_process int, p_has_lock boolean) returns void
language sql as $$
  update msgq.process set has_lock = p_has_lock
  where id = p_process and has_lock <> p_has_lock and coalesce(role, session_user) = session_user
    and not exists (
    select 1 from pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 2 and l.granted
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
      and l.classid = msgq.space()::oid and l.objid = p_process::oid
      and l.pid <> pg_backend_pid())
$$;

-- Returns: nothing; writes what a request's settles changed and which were lost.
-- Index: primary key of flushed, at its right edge.
-- Locks: none.
-- Twice: an error: (owner, request) is there.
create or replace function msgq.note_settled(
  p_owner bigint, p_request bigint, p_subscriptions int[], p_acked int[], p_lost int[],
  r_settles int[], r_kinds int[])
returns void language plpgsql as $$
begin
  if cardinality(p_acked) = 1 and cardinality(r_settles) = 0 and cardinality(p_lost) = 0 then
    insert into msgq.flushed (owner, request, part, subscription, done)
    values (p_owner, p_request, 3, p_subscriptions[1], p_acked[1]);
    return;  -- as most are
  end if;
  insert into msgq.flushed (owner, request, part, subscription, done, parked, dead, failed)
  select p_owner, p_request, 3, subscription, sum(done), sum(parked), sum(dead), sum(failed)
  from (
    select s.subscription, s.acked as done, 0 as parked, 0 as dead, 0 as failed
    from unnest(p_subscriptions, p_acked) with ordinality as s(subscription, acked, number)
    where s.number <> all (p_lost)
    union all
    select p_subscriptions[r.settle], 0, (r.kind < 3)::int, (r.kind = 3)::int,
           (r.kind <> 2)::int
    from unnest(r_settles, r_kinds) as r(settle, kind)
    where r.settle <> all (p_lost)
  ) as change
  group by subscription;
  if cardinality(p_lost) > 0 then
    insert into msgq.flushed (owner, request, part, subscription, lost)
    values (p_owner, p_request, 4, 0, p_lost);
  end if;
end $$;

-- Returns: when the oldest block that still waits for a subscription was written; null: none waits.
-- Index: primary key of claim, from the right; claim_lapsed; primary key of block.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.oldest(p_subscription int) returns timestamptz
language sql stable
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
  select min(b.at) from msgq.cursor r
  left join lateral (
    select c.pos_seq, c.pos_index from msgq.claim c
    where c.subscription = r.subscription and c.lane = r.lane order by c.gen desc
      limit 1) as newest on true
  left join lateral (
    select c.lo_seq from msgq.claim c
    where c.subscription = r.subscription and c.lane = r.lane and c.state = 2
    order by c.lo_seq limit 1) as lapsed on true
  cross join lateral (
    select e.at from msgq.block e
    where e.lane = r.lane
      and e.seq >= least(coalesce(lapsed.lo_seq, newest.pos_seq), coalesce(newest.pos_seq, 0))
      and (e.seq = newest.pos_seq and newest.pos_index >= e.n) is not true
    order by e.seq limit 1) as b
  where r.subscription = p_subscription
$$;

-- Returns: how many bits are set; 0 for null.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.ones(p_bits varbit) returns int language sql immutable as $$
  select coalesce(length(replace(p_bits::text, '0', '')), 0)
$$;

-- Returns: whether the connection was entered; not when its process is no more, or came as another
--   role.
-- Index: primary keys of process and owner.
-- Locks: the process's row, shared.
-- Twice: an error: ids of owners are random and used once.
create or replace function msgq.open_owner(p_owner bigint, p_process int) returns boolean
language plpgsql as $$
begin
  perform 1 from msgq.process where id = p_process and not is_dead
    and coalesce(role, session_user) = session_user for share;
  if not found then
    return false;
  end if;
  insert into msgq.owner (id, process) values (p_owner, p_process);
  return true;
end $$;

-- Returns: nothing; makes a queue with its default subscription, and its lane of this shard, as far
--   as they are not there.
-- Index: the unique keys of queue, subscription, lane.
-- Locks: those of the rows, for a short transaction of its own.
-- Twice: changes nothing.
create or replace function msgq.open_queue(p_name text, p_shard int) returns void
language plpgsql as $$
declare
  v_queue int;
  v_subscription int;
begin
  insert into msgq.queue (name) values (p_name) on conflict do nothing;
  select id into v_queue from msgq.queue where name = p_name;
  insert into msgq.subscription (queue, name) values (v_queue, '') on conflict do nothing;
  select id into v_subscription from msgq.subscription where queue = v_queue and name = '';
  insert into msgq.totals (subscription) values (v_subscription) on conflict do nothing;
  perform msgq.make_lane(v_queue, v_subscription, 0, p_shard);
end $$;

-- Returns: nothing; keeps messages until their time has come, counted from now on the store's
--   clock.
-- Index: parked_due, parked_id.
-- Locks: the owner, shared; the queues, so that none goes meanwhile: MQ003 when one is gone.
-- Twice: an error: (owner, request) is in flushed.
create or replace function msgq.park(
  p_owner bigint, p_request bigint, p_queues int[], p_subscriptions int[], p_delays_ms bigint[],
  p_ids uuid[], p_bytes int[], p_checksums bigint[], p_ends int[], p_frames bytea)
returns void language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_now timestamptz;
begin
  perform msgq.enter(p_owner);
  perform 1 from msgq.queue where id = any (p_queues) order by id for key share;
  if exists (select 1 from unnest(p_queues) as q(id)
             where not exists (select 1 from msgq.queue e where e.id = q.id)) then
    raise exception using errcode = 'MQ003', message = 'a queue was deleted; look it up again';
  end if;
  v_now := msgq.clock();
  for i in 1 .. cardinality(p_queues) loop
    insert into msgq.parked
      (queue, subscription, kind, due, parked_at, id, bytes, checksum, frames)
    values (p_queues[i], 0, 0, v_now + p_delays_ms[i] * interval '1 ms', v_now, p_ids[i],
      p_bytes[i],
            p_checksums[i], msgq.slice(p_frames, p_ends, i));
  end loop;
  insert into msgq.flushed (owner, request, part, subscription, sent, parked)
  select p_owner, p_request, 2, s, count(*), count(*) from unnest(p_subscriptions) s group by s;
end $$;

-- Returns: how many parked messages whose time has come went back into their queues, at most p_max;
--   each becomes a block of one. They are sought from due_from() on; p_from_left: all of them, as
--   a transaction may have ended long after it had drawn its due time.
-- Index: parked_due; primary key of block, at its right edge; primary key of due_floor.
-- Locks: the owner, shared; the lanes of the queues; then the rows, those that others hold are
--   passed over.
-- Twice: an error: (owner, request) is in flushed.
create or replace function msgq.promote(
  p_owner bigint, p_request bigint, p_max int, p_from_left boolean)
returns int
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := msgq.clock();
  v_floor timestamptz := v_now - interval '200 ms';  -- before it, mostly, all have committed
  v_from timestamptz := msgq.due_from();
  v_left timestamptz := case when p_from_left then '-infinity' else v_from end;
  v_queues int[];
  v_lanes int[];
  v_seen int;
  v_count int;
begin
  select array_agg(distinct due.queue), count(*) into v_queues, v_seen from (
    select p.queue from msgq.parked p where p.due >= v_left and p.due <= v_now
    order by p.due limit p_max) as due;
  if v_seen = 0 then
    return 0;
  end if;
  perform msgq.enter(p_owner);
  v_lanes := array(select msgq.returned_lane(q) from unnest(v_queues) as q order by q);
  perform msgq.lock_lanes(v_lanes);
  with due as (
    select p.number, l.id as lane from msgq.parked p
    join msgq.lane l on l.queue = p.queue and l.subscription <> 0
    where p.due >= v_left and p.due <= v_now and l.id = any (v_lanes)
    order by p.due limit p_max for update of p skip locked
  ), gone as (
    delete from msgq.parked p using due where p.number = due.number
    returning due.lane, p.queue, p.due, p.number, p.id, p.bytes, p.checksum, p.frames
  ), back as (
    insert into msgq.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select g.lane, nextval('msgq.seq'), 1, g.bytes, g.id, g.id, 0, 0, v_now, g.checksum, g.frames
    from (select * from gone order by due, number) as g
  ), counted as (  -- no update of the totals: each would leave a dead row to walk over
    insert into msgq.flushed (owner, request, part, subscription, parked)
    select p_owner, p_request, 5, s.id, -count(*)
    from gone g join msgq.subscription s on s.queue = g.queue group by s.id
  )
  select count(*) into v_count from gone;
  -- Others may have taken of these queues meanwhile, and more may be due of others: v_seen.
  if greatest(v_seen, v_count) < p_max and v_from < v_floor - interval '100 ms' then
    insert into msgq.due_floor values (v_floor) on conflict do nothing;
    delete from msgq.due_floor where due >= v_from and due < v_floor;
  elsif v_from >= v_floor then  -- the clock was set back
    delete from msgq.due_floor where due > v_floor;
  end if;
  return v_count;
end $$;

-- Returns: how many messages of a queue were taken out of it: waiting, leased and parked ones.
--   Claims end; whoever holds one finds it lost. The blocks are left to sweep_lane().
-- Index: primary keys of cursor and claim.
-- Locks: the cursors; the lanes, as appends take them before they settle; the claims, an error when
--   one is being settled; the parked rows.
-- Twice: 0.
create or replace function msgq.purge(p_queue int) returns bigint language plpgsql as $$
declare
  v_subscription int;
  v_cursor record;
  v_claim record;
  v_acked int := 0;
  v_before record;
  v_newest bigint;
  v_parked bigint;
  v_end bigint;
  v_gone bigint;
begin
  select id into v_subscription from msgq.subscription where queue = p_queue;
  for v_cursor in select * from msgq.cursor where subscription = v_subscription order by number
    loop
    perform pg_advisory_xact_lock(msgq.space(), v_cursor.number);
  end loop;
  perform msgq.lock_lanes(
    array(select lane from msgq.cursor where subscription = v_subscription));
  perform 1 from msgq.claim where subscription = v_subscription order by lane, gen
    for update nowait;
  for v_claim in select gen, done, n from msgq.claim
    where subscription = v_subscription and state = 0
  loop
    v_acked := v_acked + msgq.ones(msgq.take_acks(v_claim.gen, v_claim.done, v_claim.n))
               - msgq.ones(v_claim.done);
  end loop;
  perform msgq.count_acks(array[v_subscription], array[v_acked]);
  delete from msgq.parked where queue = p_queue;
  get diagnostics v_parked = row_count;  -- what is parked from now on stays, and is not counted
  select * into v_before from msgq.depth() d
    where d.queue = (select name from msgq.queue where id = p_queue);
  for v_cursor in select * from msgq.cursor where subscription = v_subscription order by number
    loop
    select max(gen) into v_newest from msgq.claim
      where subscription = v_subscription and lane = v_cursor.lane;
    delete from msgq.claim where subscription = v_subscription and lane = v_cursor.lane;
    v_end := nextval('msgq.seq');
    insert into msgq.claim
      (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner, request, kind, state,
        attempt,
       crashes, is_suspect, until, lease_ms, n, pos_seq, pos_index, prev_gen)
    values (v_subscription, v_cursor.lane, nextval('msgq.gen'), v_end, 0, v_end, 0, 0, 0, 2, 1,
      0, 0,
            false, msgq.clock(), 0, 0, v_end, 0, coalesce(v_newest, 0));
  end loop;
  v_gone := v_before.sent - v_before.done - v_before.dead - v_before.purged - v_before.quarantined
            - v_before.parked + v_parked;
  update msgq.totals set purged = purged + v_gone, parked = parked - v_parked
    where subscription = v_subscription;
  return v_gone;
end $$;

-- Returns: whether a claim ended, as nothing is left of it once the messages that it has in a
--   damaged block are given up. The block's bytes are kept in quarantine; its row stays, empty, so
--   that ordinals still count its messages.
-- Index: primary keys of claim, block, quarantine.
-- Locks: the claim's row, the block's, the totals.
-- Twice: changes nothing more.
create or replace function msgq.quarantine(
  p_subscription int, p_lane int, p_gen bigint, p_seq bigint, p_first int, p_count int)
returns boolean language plpgsql as $$
declare
  v_claim msgq.claim;
  v_done varbit;
begin
  select * into v_claim from msgq.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen = p_gen and c.state = 0
    for update;
  if not found then
    return true;
  end if;
  insert into msgq.quarantine (lane, seq, queue, n, owner, at, checksum, frames, found_at,
    reason)
  select b.lane, b.seq, s.queue, b.n, b.owner, b.at, b.checksum, b.frames, msgq.clock(),
    'checksum'
  from msgq.block b, msgq.subscription s
  where b.lane = p_lane and b.seq = p_seq and s.id = p_subscription
  on conflict do nothing;
  update msgq.block set frames = '' where lane = p_lane and seq = p_seq and frames <> '';
  v_done := msgq.merged(v_claim.done, repeat('0', p_first) || repeat('1', p_count), v_claim.n);
  update msgq.totals
    set quarantined = quarantined + msgq.ones(v_done) - msgq.ones(v_claim.done)
    where subscription = p_subscription;
  update msgq.claim c set done = v_done
    where c.subscription = p_subscription and c.lane = p_lane and c.gen = p_gen;
  if msgq.ones(v_done) < v_claim.n then
    return false;
  end if;
  delete from msgq.block b
    where b.lane = p_lane and b.seq >= v_claim.lo_seq + (v_claim.lo_index > 0)::int
      and b.seq < v_claim.hi_seq;
  perform msgq.end_claims(array[v_claim]);
  return true;
end $$;

-- Returns: the one message of a lapsed claim that is not done: its block's bytes and its index
--   there, and how often it was handed out.
-- Index: primary keys of claim and block.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.read_alone(p_subscription int, p_lane int, p_gen bigint)
returns table (attempt int, index int, frames bytea) language plpgsql stable as $$
#variable_conflict use_column
declare
  v_claim msgq.claim;
  v_block record;
  v_ordinal int := 0;
  v_last int;
begin
  select * into v_claim from msgq.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen = p_gen and c.state = 2;
  for v_block in
    select b.seq, b.n, b.frames from msgq.block b
    where b.lane = p_lane and b.seq >= v_claim.lo_seq
      and b.seq < v_claim.hi_seq + (v_claim.hi_index > 0)::int
    order by b.seq
  loop
    v_last := case when v_block.seq = v_claim.hi_seq then v_claim.hi_index else v_block.n end;
    for v_index in case when v_block.seq = v_claim.lo_seq
      then v_claim.lo_index else 0 end .. v_last - 1
    loop
      if v_claim.done is null or get_bit(v_claim.done, v_ordinal) = 0 then
        return query select v_claim.attempt, v_index, v_block.frames;
        return;
      end if;
      v_ordinal := v_ordinal + 1;
    end loop;
  end loop;
end $$;

-- Returns: the messages of a block, as transport/block.h says. Of a damaged one it returns those in
--   front of the damage, and never raises; its checksum is not looked at.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.read_block(p_frames bytea)
returns table (
  index int, id uuid, handler text, content int, headers text, body bytea, deliveries int,
  failures int, crashes int, history text, enqueued_at timestamptz)
language plpgsql immutable parallel safe as $$
declare
  v_all bytea := p_frames || ''::bytea;  -- fetched once, not for each byte
  v_footer bigint := length(v_all) - 16;
  v_count bigint;
  v_ends bigint;   -- where the ends of the frames begin
  v_line bigint;   -- where a section begins
  v_from bigint := 0;
  v_until bigint;
  v_number record;
  v_frame record;
  v_left bigint;
  v_high bigint;
  v_low bigint;
  v_moment bigint;
  v_ms bigint;
begin
  if v_footer < 0 or msgq.u32(v_all, v_footer + 12) <> 1 then  -- version 1, no flags
    return;
  end if;
  v_count := msgq.u32(v_all, v_footer);
  v_ends := msgq.u32(v_all, v_footer + 4);
  v_line := v_ends + 4 * v_count;
  index := 0;
  while index < v_count and v_line < v_footer loop
    v_number := msgq.take_varint(v_all, v_line);
    v_left := v_number.value;
    v_line := v_number.next;
    v_high := 0; v_low := 0;
    for i in reverse 7 .. 0 loop
      v_high := (v_high << 8) | get_byte(v_all, v_line::int + i);
      v_low := (v_low << 8) | get_byte(v_all, v_line::int + 8 + i);
    end loop;
    v_moment := ((v_high >> 16) << 20) | ((v_high & 4095) << 8) | ((v_low >> 54) & 255);
    content := get_byte(v_all, v_line::int + 16);
    v_number := msgq.take_varint(v_all, v_line + 17);
    v_ms := v_number.value;
    v_number := msgq.take_varint(v_all, v_number.next);
    v_line := v_number.next;
    if v_number.value > 0 then
      handler := msgq.as_text(substring(v_all from v_line::int + 1
                                           for v_number.value::int - 1));
      v_line := v_line + v_number.value - 1;
    end if;
    while v_left > 0 and index < v_count loop
      v_until := msgq.u32(v_all, v_ends + 4 * index);
      if v_until <= v_from or v_until > v_ends then
        return;
      end if;
      v_frame := msgq.read_frame(substring(v_all from v_from::int + 1
                                              for (v_until - v_from)::int));
      id := encode(
        int8send(((v_moment >> 20) << 16) | 28672 | ((v_moment >> 8) & 4095))
        || int8send((-9223372036854775808) | ((v_moment & 255) << 54)
                    | (v_low & 18014398509481983)), 'hex')::uuid;
      headers := v_frame.headers;
      body := v_frame.body;
      deliveries := v_frame.deliveries; failures := v_frame.failures; crashes := v_frame.crashes;
      history := v_frame.history;
      enqueued_at := to_timestamp(coalesce(v_frame.enqueued_ms, v_ms) / 1000.0);
      return next;
      v_from := v_until;
      v_moment := v_moment + 1;
      v_left := v_left - 1;
      index := index + 1;
    end loop;
  end loop;
exception when others then
  return;
end $$;

-- Returns: the claims that a request made and that are still open, with their blocks in order; a
--   block that is gone gives a row without one,
--   a block that the client has (p_known) one without frames. Holds no lock: a client that stops
--   reading stops nobody.
-- Index: primary key of claim behind p_after; primary key of block.
-- Locks: none.
-- Twice: the same, as long as the claims are open.
create or replace function msgq.read_claims(
  p_owner bigint, p_request bigint, p_after bigint, p_subscriptions int[], p_lanes int[],
  p_known bigint[])
returns table (
  subscription int, lane int, gen bigint, attempt int, crashes int, is_suspect boolean,
    lo_seq bigint,
  lo_index int, hi_seq bigint, hi_index int, n int, done text, lease_ms bigint, seq bigint,
    count int,
  checksum bigint, frames bytea)
language plpgsql stable
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off
set enable_mergejoin = off set jit = off as $$
#variable_conflict use_column
begin
  return query
    select c.subscription, c.lane, c.gen, c.attempt, c.crashes, c.is_suspect, c.lo_seq, c.lo_index,
           c.hi_seq, c.hi_index, c.n, c.done::text, c.lease_ms, b.seq, b.n, b.checksum,
           case when b.seq = any (p_known) then null else b.frames end
    from unnest(p_subscriptions, p_lanes) as w(subscription, lane)
    cross join lateral (  -- a join may be planned as a walk over all claims, the dead ones, too
      select * from msgq.claim c
      where c.subscription = w.subscription and c.lane = w.lane and c.gen > p_after
        and c.owner = p_owner and c.request = p_request and c.state = 0
      offset 0) as c
    left join msgq.block b on b.lane = c.lane and b.seq >= c.lo_seq
      and b.seq < c.hi_seq + (c.hi_index > 0)::int
    order by c.gen, b.seq;
end $$;

-- Returns: every queue's lanes and who reads them, the returned lane first, and the newest number.
-- Index: none: read when the directory has changed.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.read_directory()
returns table (queue text, queue_id int, subscription int, lane int, shard int, is_returned boolean)
language sql stable as $$
  select q.name, q.id, s.id, l.id, l.shard, l.subscription <> 0
  from msgq.queue q join msgq.subscription s on s.queue = q.id
  left join msgq.lane l on l.queue = q.id and (l.subscription = 0 or l.subscription = s.id)
  order by q.name, l.subscription <> 0 desc, l.shard
$$;

-- Returns: the fields of one message's frame, as model/frame.h says; the body is the rest.
-- Index: none.
-- Locks: none.
-- Twice: the same. Raises where it is damaged.
create or replace function msgq.read_frame(
  p_frame bytea, out headers text, out deliveries int, out failures int, out crashes int,
  out history text, out enqueued_ms bigint, out body bytea)
language plpgsql immutable parallel safe as $$
declare
  v_mask int := get_byte(p_frame, 0);
  v_at bigint := 1;
  v_number record;
begin
  deliveries := 0; failures := 0; crashes := 0;
  if v_mask & 1 > 0 then
    v_number := msgq.take_varint(p_frame, v_at);
    headers := msgq.as_text(substring(p_frame from v_number.next::int + 1
                                         for v_number.value::int));
    v_at := v_number.next + v_number.value;
  end if;
  if v_mask & 2 > 0 then
    v_number := msgq.take_varint(p_frame, v_at);
    deliveries := v_number.value;
    v_number := msgq.take_varint(p_frame, v_number.next);
    failures := v_number.value;
    v_number := msgq.take_varint(p_frame, v_number.next);
    crashes := v_number.value;
    v_at := v_number.next;
  end if;
  if v_mask & 4 > 0 then
    v_number := msgq.take_varint(p_frame, v_at);
    history := msgq.as_text(substring(p_frame from v_number.next::int + 1
                                         for v_number.value::int));
    v_at := v_number.next + v_number.value;
  end if;
  if v_mask & 8 > 0 then
    v_number := msgq.take_varint(p_frame, v_at);
    enqueued_ms := v_number.value;
    v_at := v_number.next;
  end if;
  if v_mask > 15 or v_at > length(p_frame) then
    raise exception 'damaged message';
  end if;
  body := substring(p_frame from v_at::int + 1);
end $$;

-- Returns: the bytes of one block.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.read_frames(p_lane int, p_seq bigint) returns setof bytea
language sql as $$
  select b.frames from msgq.block b where b.lane = p_lane and b.seq = p_seq
$$;

-- Returns: up to p_max blocks of a lane from p_from on, without their frames.
-- Index: primary key of block.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.read_headers(p_lane int, p_from bigint, p_max int)
returns table (seq bigint, n int) language sql as $$
  select b.seq, b.n from msgq.block b
  where b.lane = p_lane and b.seq >= p_from order by b.seq limit p_max
$$;

-- Returns: the ranges of a subscription's lane that are held or lapsed, and as the last row (state
--   -1) its position, in lo_seq and lo_index.
-- Index: primary key of claim, from the cursor's floor on.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.read_lane(p_subscription int, p_lane int)
returns table (state int, lo_seq bigint, lo_index int, hi_seq bigint, hi_index int, n int,
  done text)
language sql as $$
  (select c.state, c.lo_seq, c.lo_index, c.hi_seq, c.hi_index, c.n, c.done::text
   from msgq.claim c
   where c.subscription = p_subscription and c.lane = p_lane and c.state <> 1
     and c.gen >= coalesce((select max(f.gen) from msgq.floor f
                            where f.subscription = p_subscription and f.lane = p_lane), 0)
   order by c.lo_seq, c.lo_index)
  union all
  (select -1, c.pos_seq, c.pos_index, 0, 0, 0, null
   from msgq.claim c where c.subscription = p_subscription and c.lane = p_lane
   order by c.gen desc limit 1)
$$;

-- Returns: what users have sent and committed, at most p_max messages and about p_bytes, in the
--   order of their sending, from a mark on; and as the first row, with nothing but it, the mark
--   from which the next look may start once all of it is taken: every transaction below it had
--   ended when these rows were read.
-- Index: primary key of outbox, from the mark on: nothing is found behind what is deleted.
-- Locks: none.
-- Twice: the same, until they are drained.
create or replace function msgq.read_outbox(p_mark bigint, p_max int, p_bytes bigint)
returns table (mark bigint, number bigint, queue text, id uuid, handler text, content int,
               headers text, body bytea, due_ms bigint, at_ms bigint)
language sql as $$
  (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, null::bigint, null, null::uuid,
    null,
          null::int, null, null::bytea, null::bigint, null::bigint)
  union all
  (select null, o.number, o.queue, o.id, o.handler, o.content::int, o.headers, o.body,
          (extract(epoch from o.due) * 1000)::bigint, (extract(epoch from o.at) * 1000)::bigint
   from (select *, sum(octet_length(b.body)) over (order by b.number) - octet_length(b.body) as
     before
         from (select * from msgq.outbox a where a.xid >= p_mark::text::xid8
               order by a.number limit p_max) as b) as o
   where o.before < p_bytes order by o.number)
$$;

-- Returns: how many of these dead letters went back into their queue, as blocks of one.
-- Index: primary keys of dead_letter and block.
-- Locks: the returned lane; the rows.
-- Twice: 0.
create or replace function msgq.redrive(
  p_queue int, p_numbers bigint[], p_ids uuid[], p_bytes int[], p_checksums bigint[], p_ends int[],
  p_frames bytea)
returns int language plpgsql as $$
declare
  v_lane int := msgq.returned_lane(p_queue);
  v_count int;
begin
  perform msgq.lock_lanes(array[v_lane]);
  with gone as (
    delete from msgq.dead_letter d where d.number = any (p_numbers) and d.queue = p_queue
    returning d.number
  ), back as (
    insert into msgq.block
      (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
    select v_lane, nextval('msgq.seq'), 1, p_bytes[e.i], p_ids[e.i], p_ids[e.i], 0, 0,
           msgq.clock(), p_checksums[e.i], msgq.slice(p_frames, p_ends, e.i::int)
    from unnest(p_numbers) with ordinality as e(number, i) join gone g on g.number = e.number
    order by e.i
  )
  select count(*) into v_count from gone;
  update msgq.totals set dead = dead - v_count
    where subscription = (select id from msgq.subscription where queue = p_queue);
  return v_count;
end $$;

-- Returns: never; says why the caller sees no open claim of that number. A cursor's claims become
--   visible in the order of their numbers, and its newest row stays: whoever sees no number as high
--   looks at a time before the claim.
-- Index: primary key of claim, from the right.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.refuse_ack(p_subscription int, p_lane int, p_gen bigint)
returns void language plpgsql as $$
declare
  v_newest bigint;
begin
  select c.gen into v_newest from msgq.claim c
    where c.subscription = p_subscription and c.lane = p_lane order by c.gen desc limit 1;
  if coalesce(v_newest, 0) < p_gen
     and current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'MQ011',
      message = 'this transaction (' || current_setting('transaction_isolation')
                || ') began before the message was delivered and cannot see its claim';
  end if;
  raise exception using errcode = 'MQ010', message = 'the lease of this message has gone';
end $$;

-- Returns: nothing; puts a row in the place of a claim's. A row that is only updated may still be
--   locked for key share, as open, by a transaction whose snapshot is older; one that was deleted
--   may not.
-- Index: primary key of claim.
-- Locks: none of its own. REQUIRES: the claim's row lock for update.
-- Twice: changes nothing.
create or replace function msgq.replace_claim(p_claim msgq.claim) returns void
language plpgsql as $$
begin
  delete from msgq.claim
    where subscription = p_claim.subscription and lane = p_claim.lane and gen = p_claim.gen;
  insert into msgq.claim select (p_claim).*;
end $$;

-- Returns: the lane through which a queue's messages come back; made when there is none.
-- Index: the unique key of lane.
-- Locks: none.
-- Twice: the same lane.
create or replace function msgq.returned_lane(p_queue int) returns int language plpgsql as $$
declare
  v_subscription int;
  v_lane int;
begin
  select id into v_subscription from msgq.subscription where queue = p_queue;
  select id into v_lane from msgq.lane where queue = p_queue and subscription = v_subscription;
  if v_lane is null then
    v_lane := msgq.make_lane(p_queue, v_subscription, v_subscription, 0);
  end if;
  return v_lane;
end $$;

-- Returns: nothing; keeps the messages that settles returned (kind 1 retry, 2 snooze) or gave up
--   (kind 3), except those of settles that were lost.
-- Index: parked_due, parked_id, dead_letter_id.
-- Locks: none. REQUIRES: the claims' row locks.
-- Twice: keeps them twice; its caller does not come twice.
create or replace function msgq.set_aside(
  p_subscriptions int[], p_lost int[], r_settles int[], r_kinds int[], r_delays_ms bigint[],
  r_reasons text[], r_ids uuid[], r_bytes int[], r_checksums bigint[], r_ends int[], r_frames bytea)
returns void language plpgsql as $$
declare
  v_now timestamptz := msgq.clock();
  v_subscription int;
  v_queue int;
begin
  for n in 1 .. cardinality(r_ids) loop
    continue when r_settles[n] = any (p_lost);
    v_subscription := p_subscriptions[r_settles[n]];
    select queue into v_queue from msgq.subscription where id = v_subscription;
    if r_kinds[n] = 3 then
      insert into msgq.dead_letter
        (queue, subscription, reason, died_at, id, bytes, checksum, frames)
      values (v_queue, v_subscription, r_reasons[n], v_now, r_ids[n], r_bytes[n], r_checksums[n],
              msgq.slice(r_frames, r_ends, n));
    else
      insert into msgq.parked
        (queue, subscription, kind, due, parked_at, id, bytes, checksum, frames)
      values (v_queue, v_subscription, r_kinds[n], v_now + r_delays_ms[n] * interval '1 ms', v_now,
              r_ids[n], r_bytes[n], r_checksums[n], msgq.slice(r_frames, r_ends, n));
    end if;
  end loop;
end $$;

-- Returns: which of p_shards lanes of each queue this process appends to: processes that are there
--   together have different ones, as far as they go.
-- Index: primary key of process.
-- Locks: none.
-- Twice: the same, while nobody leaves.
create or replace function msgq.shard_of(p_process int, p_shards int) returns int
language sql stable as $$
  select count(*)::int % p_shards from msgq.process where id < p_process and not is_dead
$$;

-- Returns: the i-th piece of what was sent as one, by the ends of the pieces.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.slice(p_all bytea, p_ends int[], p_i int) returns bytea
language sql immutable as $$
  select substring(p_all from coalesce(p_ends[p_i - 1], 0) + 1
                   for p_ends[p_i] - coalesce(p_ends[p_i - 1], 0))
$$;

-- Returns: the first number of every advisory lock of this schema: two schemas in one database
--   never meet, as oids differ.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.space() returns int language sql stable as $$
  select 'msgq'::regnamespace::oid::int
$$;

-- Returns: the size of the schema's tables and indexes on disk, in bytes.
-- Index: none.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function msgq.store_bytes() returns bigint language sql as $$
  select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
  from pg_class c where c.relnamespace = 'msgq'::regnamespace and c.relkind in ('r', 'S')
$$;

-- Returns: the name of this database and the mark of this schema: two stores have different ones,
--   but for a copy of the whole server, or one under the same database's name.
-- Index: primary key of directory.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.store_name() returns text language plpgsql stable as $$
begin
  return (select current_database() || '/' || mark from msgq.directory where id = 0);
end $$;

-- Returns: nothing; folds what an owner's requests changed, up to a number whose answer it has
--   heard, into the totals, and notes for the rates how much that was.
-- Index: primary key of flushed, behind what was swept before; of swept, from the right; of totals.
-- Locks: the owner's row; the totals, ascending.
-- Twice: finds nothing.
create or replace function msgq.sweep_flushed(p_owner bigint, p_heard bigint) returns void
language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_swept bigint;
  v_change record;
begin
  perform set_config('synchronous_commit', 'off', true);  -- what a crash forgets is swept again
  perform 1 from msgq.owner where id = p_owner for no key update;
  if not found then
    return;
  end if;
  select coalesce(max(request), 0) into v_swept from msgq.swept where owner = p_owner;
  if v_swept >= p_heard then
    return;
  end if;
  for v_change in
    with gone as (
      delete from msgq.flushed
      where owner = p_owner and request > v_swept and request <= p_heard returning *)
    select subscription, sum(sent) as sent, sum(parked) as parked, sum(done) as done,
      sum(dead) as dead, sum(failed) as failed
    from gone where subscription <> 0 group by subscription order by subscription
  loop
    update msgq.totals set sent = sent + v_change.sent, parked = parked + v_change.parked,
                              done = done + v_change.done, dead = dead + v_change.dead
      where subscription = v_change.subscription;
    insert into msgq.rate (subscription, sent, done, failed)
    values (v_change.subscription, v_change.sent, v_change.done, v_change.failed);
  end loop;
  insert into msgq.swept values (p_owner, p_heard);
  delete from msgq.swept where owner = p_owner and request >= v_swept and request < p_heard;
end $$;

-- Returns: the seq below which nothing is left; deletes the blocks behind every position and every
--   open or lapsed claim, and settled rows that nobody needs as a position. Notes from which gen on
--   the next look at the claims may begin.
-- Index: primary key of block, from p_from or the floor on; primary key of claim, from the cursor's
--   floor on.
-- Locks: the rows it deletes.
-- Twice: deletes nothing. What was true of positions and claims a statement ago is a lower bound of
--   what is: positions rise, and a new claim begins at one or at a lapsed claim.
create or replace function msgq.sweep_lane(p_subscription int, p_lane int, p_from bigint)
returns bigint language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_floor record;
  v_newest record;
  v_live record;
  v_end bigint;
begin
  select coalesce(max(f.gen), 0) as gen, coalesce(max(f.seq), 0) as seq into v_floor from (
    select f.gen, f.seq from msgq.floor f
    where f.subscription = p_subscription and f.lane = p_lane order by f.gen desc limit 1) as f;
  select c.gen, c.pos_seq into v_newest from msgq.claim c
    where c.subscription = p_subscription and c.lane = p_lane order by c.gen desc limit 1;
  if v_newest.gen is null then
    return p_from;
  end if;
  select min(c.gen) as gen, min(c.lo_seq) as seq into v_live from msgq.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen >= v_floor.gen
      and c.state <> 1;
  delete from msgq.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen >= v_floor.gen
      and c.gen < v_newest.gen and c.state = 1;
  v_end := least(v_newest.pos_seq, v_live.seq);
  delete from msgq.block b where b.lane = p_lane
    and b.seq >= greatest(p_from, v_floor.seq) and b.seq < v_end;
  if least(v_newest.gen, v_live.gen) > v_floor.gen then
    insert into msgq.floor
      values (p_subscription, p_lane, least(v_newest.gen, v_live.gen), v_end)
      on conflict do nothing;
    delete from msgq.floor f
      where f.subscription = p_subscription and f.lane = p_lane and f.gen >= v_floor.gen
        and f.gen < least(v_newest.gen, v_live.gen);
  end if;
  return v_end;
end $$;

-- Returns: which messages of a claim are done, those among them that users acknowledged in
--   transactions of their own; what is kept of these is removed.
-- Index: primary key of acked.
-- Locks: none. REQUIRES: the claim's row lock for update, taken in an earlier statement: nobody can
--   acknowledge any more.
-- Twice: the same.
create or replace function msgq.take_acks(p_gen bigint, p_done varbit, p_n int) returns varbit
language plpgsql as $$
declare
  v_index int;
begin
  for v_index in
    with gone as (delete from msgq.acked a where a.gen = p_gen returning a.index, a.is_done)
    select g.index from gone g where g.is_done
  loop
    p_done := set_bit(coalesce(p_done, repeat('0', p_n)::varbit), v_index, 1);
  end loop;
  return p_done;
end $$;

-- Returns: the number at p_at (seven bits a byte, low first), and where what follows it begins.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.take_varint(
  p_bytes bytea, p_at bigint, out value bigint, out next bigint)
language plpgsql immutable parallel safe as $$
declare
  v_byte int;
begin
  value := 0; next := p_at;
  for shift in 0 .. 8 loop
    v_byte := get_byte(p_bytes, next::int);
    value := value | ((v_byte & 127)::bigint << (7 * shift));
    next := next + 1;
    exit when v_byte < 128;
  end loop;
end $$;

-- Returns: whether this transaction may claim of the lane for the subscription, to its end.
-- Index: primary key of cursor.
-- Locks: the cursor, tried.
-- Twice: the same.
create or replace function msgq.try_cursor(p_subscription int, p_lane int) returns boolean
language plpgsql as $$  -- sql would be parsed anew by every transaction
declare
  v_number int;
begin
  select c.number into v_number from msgq.cursor c
    where c.subscription = p_subscription and c.lane = p_lane;
  return pg_try_advisory_xact_lock(msgq.space(), v_number);
end $$;

-- Returns: whether this session is, from now on, the one that watches the outbox.
-- Index: none.
-- Locks: number 0 of the schema, for the session, tried.
-- Twice: it stays so.
create or replace function msgq.try_watch() returns boolean language sql as $$
  select pg_try_advisory_lock(msgq.space(), 0)
$$;

-- Returns: four bytes as a number, the lowest first, as blocks hold them.
-- Index: none.
-- Locks: none.
-- Twice: the same.
create or replace function msgq.u32(p_bytes bytea, p_at bigint) returns bigint
language sql immutable parallel safe as $$
  select get_byte(p_bytes, p_at::int) + (get_byte(p_bytes, p_at::int + 1) << 8)
         + (get_byte(p_bytes, p_at::int + 2) << 16)
         + (get_byte(p_bytes, p_at::int + 3)::bigint << 24)
$$;

-- Returns: a new id (UUIDv7, RFC 9562), of this server's time.
-- Index: none.
-- Locks: none.
-- Twice: another one.
create or replace function msgq.uuid7() returns uuid language sql volatile as $$
  select encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid()) placing
              substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
              from 1 for 6),
      52, 1), 53, 1), 'hex')::uuid
$$;

-- Returns: whether users have sent something that lies at the mark or behind it, and the mark for
--   the next look: nothing that will be committed later lies before it.
-- Index: primary key of outbox, from the mark on: nothing is found behind what is deleted.
-- Locks: none.
-- Twice: the same, until it is drained.
create or replace function msgq.watch_outbox(
  p_mark bigint, out is_used boolean, out mark bigint)
language plpgsql stable as $$
begin
  mark := p_mark;
  is_used := exists (select 1 from msgq.outbox o where o.xid >= p_mark::text::xid8);
  if not is_used then  -- a stable function has one snapshot
    mark := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  end if;
end $$;

-- Returns: the dead letters, decoded; of a damaged one what is known without its bytes.
-- Index: dead_letter_id; primary key of dead_letter.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view msgq.dead as
select q.name as queue, d.id, d.reason, d.died_at, m.handler,
       (array['bytes', 'json', 'msgpack', 'text'])[m.content + 1] as content,
       msgq.as_json(m.headers) as headers, m.body,
       case when m.content in (1, 3) then msgq.as_text(m.body) end as body_text,
       case when m.content = 1 then msgq.as_json(msgq.as_text(m.body)) end as body_json,
       m.deliveries as attempts, m.failures, m.crashes,
       msgq.as_json('[' || replace(rtrim(m.history, E'\n'), E'\n', ',') || ']') as history,
       m.enqueued_at, d.number
from msgq.dead_letter d join msgq.queue q on q.id = d.queue
left join lateral msgq.read_block(d.frames) as m on true;

-- Returns: what is being handled: a row a claim, with who holds it, how many messages are left of
--   it, until when, which attempt it is and for how long it has lasted.
-- Index: see live_claims; primary keys of owner and process.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view msgq.leases as
select q.name as queue, p.host, p.pid, c.n - msgq.ones(c.done) as messages, c.until, c.attempt,
       clock_timestamp() - c.at as age, p.heartbeat_at
from msgq.live_claims() c
join msgq.subscription s on s.id = c.subscription join msgq.queue q on q.id = s.queue
left join msgq.owner o on o.id = c.owner left join msgq.process p on p.id = o.process
where c.state = 0;

-- Returns: every message that waits, is leased or is parked, decoded, with its body as bytes and,
--   where it is text or JSON, readable. Those of damaged blocks are left out. Blocks are decoded as
--   rows are asked for: say `limit`, or `where queue = ...`.
-- Index: primary key of block, from each position on; see live_claims; parked_id.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view msgq.messages as
select m.queue, m.id, m.state, m.handler,
       (array['bytes', 'json', 'msgpack', 'text'])[m.content + 1] as content,
       msgq.as_json(m.headers) as headers, m.body,
       case when m.content in (1, 3) then msgq.as_text(m.body) end as body_text,
       case when m.content = 1 then msgq.as_json(msgq.as_text(m.body)) end as body_json,
       m.attempt, m.enqueued_at, m.due_at, m.lane, m.seq, m.index
from (
  select q.name as queue, case c.state when 0 then 'leased' else 'waiting' end as state,
         m.id, m.handler, m.content, m.headers, m.body, m.deliveries + c.attempt as attempt,
         m.enqueued_at, null::timestamptz as due_at, c.lane, b.seq, m.index
  from msgq.queue q join msgq.subscription s on s.queue = q.id
  join msgq.live_claims() c on c.subscription = s.id
  cross join lateral (
    select e.seq, e.frames, part.first, part.last,
           sum(part.last - part.first) over (order by e.seq) - part.last as ordinal
    from msgq.block e
    cross join lateral (
      select case when e.seq = c.lo_seq then c.lo_index else 0 end as first,
             case when e.seq = c.hi_seq then c.hi_index else e.n end as last) as part
    where e.lane = c.lane and e.seq >= c.lo_seq and e.seq < c.hi_seq + (c.hi_index > 0)::int
  ) as b
  cross join lateral msgq.read_block(b.frames) as m
  where m.index >= b.first and m.index < b.last
    and case when b.ordinal + m.index < length(c.done)
             then get_bit(c.done, (b.ordinal + m.index)::int) = 0 else true end
  union all
  select q.name, 'waiting', m.id, m.handler, m.content, m.headers, m.body, m.deliveries,
         m.enqueued_at, null, b.lane, b.seq, m.index
  from msgq.queue q join msgq.subscription s on s.queue = q.id
  join msgq.cursor r on r.subscription = s.id
  left join lateral (
    select c.pos_seq as seq, c.pos_index as index from msgq.claim c
    where c.subscription = r.subscription and c.lane = r.lane order by c.gen desc limit 1
  ) as position on true
  cross join lateral (  -- one by one, as a plan that reads and sorts all would not be lazy
    with recursive walk as (
      (select e.lane, e.seq, e.frames from msgq.block e
       where e.lane = r.lane and e.seq >= coalesce(position.seq, 0) order by e.seq limit 1)
      union all
      select e.* from walk w cross join lateral (
        select e.lane, e.seq, e.frames from msgq.block e
        where e.lane = w.lane and e.seq > w.seq order by e.seq limit 1) as e
    )
    select * from walk
  ) as b
  cross join lateral msgq.read_block(b.frames) as m
  where (b.seq = position.seq and m.index < position.index) is not true
  union all
  select q.name, 'parked', p.id, m.handler, m.content, m.headers, m.body, m.deliveries,
         m.enqueued_at, p.due, null, null, null
  from msgq.queue q join msgq.parked p on p.queue = q.id
  left join lateral msgq.read_block(p.frames) as m on true
) as m;

-- Returns: a row a queue: how much of it is where, and since when its oldest message waits. Exact.
-- Index: see figures.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view msgq.queues as
select f.queue,
       f.sent - f.parked - f.leased - f.done - f.dead - f.purged - f.quarantined as waiting,
       f.leased, f.parked, f.done, f.dead, f.purged, f.quarantined, f.sent, f.oldest,
       clock_timestamp() - f.oldest as oldest_age
from msgq.figures(null) f;

-- Returns: messages a second of every queue over the last 1, 5 and 15 minutes: sent, done, and
--   failed, those tried again as well as those given up. Up to a few seconds late: totals are
--   folded first.
-- Index: rate_at.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view msgq.rates as
select q.name as queue, w.minutes,
       coalesce(sum(r.sent), 0)::float8 / (60 * w.minutes) as sent,
       coalesce(sum(r.done), 0)::float8 / (60 * w.minutes) as done,
       coalesce(sum(r.failed), 0)::float8 / (60 * w.minutes) as failed
from msgq.queue q join msgq.subscription s on s.queue = q.id
cross join (values (1), (5), (15)) as w(minutes)
left join (
  select * from msgq.rate where at > now() - interval '15 minutes'
) as r on r.subscription = s.id and r.at > now() - w.minutes * interval '1 minute'
group by q.name, w.minutes;

-- Returns: nothing; the schema is of this version.
-- Index: none.
-- Locks: none. REQUIRES: the migration's lock.
-- Twice: a second row that says the same.
insert into msgq.meta (version) values (2);

commit;
