// The SQL of pg_ceiling: a block log with a claim ledger and nothing else. Constants; any thread.
#pragma once

namespace ceiling {

// A lane's sequence is made beside it, `lane_0` and so on. Bodies stay uncompressed.
inline constexpr const char* kSchema = R"(
drop schema if exists msgq_ceiling cascade;
create schema msgq_ceiling;
create table msgq_ceiling.block (
  lane int, seq bigint, n int not null, enqueued_at timestamptz not null default now(),
  body bytea not null, primary key (lane, seq));
alter table msgq_ceiling.block alter body set storage external;
create table msgq_ceiling.claim (
  lane int, gen bigint, from_seq bigint not null, to_seq bigint not null,
  until timestamptz not null, primary key (lane, gen));

-- The lane lock is held until commit, so within a lane the order of seq is that of visibility.
create function msgq_ceiling.append(p_lane int, p_sequence regclass, p_n int, p_body bytea)
returns bigint language plpgsql as $$
declare v_seq bigint;
begin
  perform pg_advisory_xact_lock(77, p_lane);
  v_seq := nextval(p_sequence);
  insert into msgq_ceiling.block (lane, seq, n, body) values (p_lane, v_seq, p_n, p_body);
  return v_seq;
end $$;

-- A function, because each of its statements sees what the lock's last holder committed.
create function msgq_ceiling.claim_next(
  p_settled_lane int, p_settled_gen bigint, p_lane int, p_blocks int)
returns table (gen bigint, seq bigint, n int, body bytea) language plpgsql as $$
declare v_gen bigint; v_from bigint; v_to bigint;
begin
  if p_settled_gen is not null then
    -- The fence: no row, no settle.
    select c.from_seq, c.to_seq into strict v_from, v_to from msgq_ceiling.claim c
      where c.lane = p_settled_lane and c.gen = p_settled_gen for update;
    delete from msgq_ceiling.block b
      where b.lane = p_settled_lane and b.seq > v_from and b.seq <= v_to;
    delete from msgq_ceiling.claim c where c.lane = p_settled_lane and c.gen = p_settled_gen - 1;
    v_from := null; v_to := null;
  end if;
  if not pg_try_advisory_xact_lock(78, p_lane) then return; end if;
  select c.gen, c.to_seq into v_gen, v_from
    from msgq_ceiling.claim c where c.lane = p_lane order by c.gen desc limit 1;
  v_gen := coalesce(v_gen, 0) + 1;
  v_from := coalesce(v_from, 0);
  select max(x.seq) into v_to from (
    select b.seq from msgq_ceiling.block b where b.lane = p_lane and b.seq > v_from
    order by b.seq limit p_blocks) x;
  if v_to is null then return; end if;
  insert into msgq_ceiling.claim values (p_lane, v_gen, v_from, v_to, now() + interval '30 s');
  return query select v_gen, b.seq, b.n, b.body from msgq_ceiling.block b
    where b.lane = p_lane and b.seq > v_from and b.seq <= v_to order by b.seq;
end $$;

-- A bare commit: one row and nothing around it.
create table msgq_ceiling.lone (
  id bigint generated always as identity primary key, body bytea not null);
)";

inline constexpr const char* kAppend =
    "select msgq_ceiling.append($2::int, $3::regclass, $4::int, $1::bytea)";
inline constexpr const char* kInsert = "insert into msgq_ceiling.lone (body) values ($1::bytea)";
inline constexpr const char* kClaim =
    "select * from msgq_ceiling.claim_next($1::int, $2::bigint, $3::int, $4::int)";

}  // namespace ceiling
