-- Returns: the totals of every queue, or of one, what its open claims hold, and when its oldest
--   waiting block was written. Exact at the moment of the statement. What is parked and due waits,
--   like any other: who waits for an idle queue must not miss a retry without delay. Beyond 10,000
--   such messages the rest still counts as parked, as does what a transaction of over ten seconds
--   brought, until promote() finds it at the left: a second, ten at most.
-- Index: primary keys of totals and flushed, behind what was swept; see live_claims and oldest;
--   acked; parked_due. No row is read that is settled, however many an old snapshot keeps.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.balance(p_queue text)
returns table (queue text, sent bigint, parked bigint, leased bigint, done bigint, dead bigint,
               purged bigint, quarantined bigint, expired bigint, cancelled bigint,
               oldest timestamptz)
language sql stable rows 100 set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
  with fresh as (
    select f.subscription, sum(f.sent) as sent, sum(f.parked) as parked, sum(f.done) as done,
           sum(f.dead) as dead, sum(f.expired) as expired
    from :schema.owner o
    cross join lateral (
      select * from :schema.flushed f where f.owner = o.id and f.request > coalesce((
        select max(s.request) from :schema.swept s where s.owner = o.id), 0)
      order by f.request) as f
    where f.subscription <> 0 group by f.subscription
  ), held as (
    select c.subscription, sum(c.n - :schema.ones(c.done)) as leased
    from :schema.live_claims() c where c.state = 0 group by c.subscription
  ), acks as (  -- committed by users: done, though their claims are open
    select c.subscription, count(*) as n
    from :schema.live_claims() c join :schema.acked a on a.gen = c.gen
    where c.state = 0 and a.is_done and get_bit(c.done, a.index) is distinct from 1
    group by c.subscription
  ), due as (
    select d.queue, count(*) as n from (
      select p.queue from :schema.parked p where p.due <= (select :schema.clock())
        and p.due >= (select :schema.due_from() - interval '10 s')
      order by p.due limit 10000
    ) as d group by d.queue
  )
  select q.name, t.sent + coalesce(f.sent, 0) + coalesce(lt.sent, 0) + coalesce(lf.sent, 0),
         t.parked + coalesce(f.parked, 0) - coalesce(d.n, 0),
         coalesce(h.leased, 0) - coalesce(a.n, 0),
         t.done + coalesce(f.done, 0) + coalesce(a.n, 0), t.dead + coalesce(f.dead, 0),
         t.purged, t.quarantined, t.expired + coalesce(f.expired, 0), t.cancelled,
         :schema.oldest(s.id)
  from :schema.queue q join :schema.subscription s on s.queue = q.id
  join :schema.totals t on t.subscription = s.id
  left join fresh f on f.subscription = s.id left join held h on h.subscription = s.id
  left join acks a on a.subscription = s.id
  left join due d on d.queue = q.id
  left join :schema.follower w on w.queue = q.id
  left join :schema.subscription ls on ls.queue = w.log
  left join :schema.totals lt on lt.subscription = ls.id
  left join fresh lf on lf.subscription = ls.id
  where q.name = p_queue
    or p_queue is null and not exists (select 1 from :schema.log g where g.queue = q.id)
  order by q.name
$$
