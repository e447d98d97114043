-- Returns: nothing; writes what a request's settles changed and which were lost.
-- Index: primary key of flushed, at its right edge.
-- Locks: none.
-- Twice: an error: (owner, request) is there.
create or replace function :schema.note_settled(
  p_owner bigint, p_request bigint, p_subscriptions int[], p_acked int[], p_expired int[],
  p_lost int[],
  r_settles int[], r_kinds int[])
returns void language plpgsql as $$
begin
  if cardinality(p_acked) = 1 and cardinality(r_settles) = 0 and cardinality(p_lost) = 0 then
    insert into :schema.flushed (owner, request, part, subscription, done, expired)
    values (p_owner, p_request, 3, p_subscriptions[1], p_acked[1], p_expired[1]);
    return;  -- as most are
  end if;
  insert into :schema.flushed
    (owner, request, part, subscription, done, expired, parked, dead, failed)
  select p_owner, p_request, 3, subscription, sum(done), sum(expired), sum(parked), sum(dead),
         sum(failed)
  from (
    select s.subscription, s.acked as done, s.expired, 0 as parked, 0 as dead, 0 as failed
    from unnest(p_subscriptions, p_acked, p_expired) with ordinality
      as s(subscription, acked, expired, number)
    where s.number <> all (p_lost)
    union all
    select p_subscriptions[r.settle], 0, 0, (r.kind <> 3)::int, (r.kind = 3)::int,
           (r.kind in (1, 3))::int
    from unnest(r_settles, r_kinds) as r(settle, kind)
    where r.settle <> all (p_lost)
  ) as change
  group by subscription;
  if cardinality(p_lost) > 0 then
    insert into :schema.flushed (owner, request, part, subscription, lost)
    values (p_owner, p_request, 4, 0, p_lost);
  end if;
end $$
