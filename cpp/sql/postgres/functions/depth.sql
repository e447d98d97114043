-- Returns: every queue's totals, what its open claims hold, and when its oldest waiting block was
--   written. Exact at the moment of the statement. What is parked and due waits, like any other:
--   who waits for an idle queue must not miss a retry without delay. Beyond 10,000 such messages
--   the rest still counts as parked.
-- Index: primary keys of totals, flushed behind what was swept, claim, block, acked; parked_due.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.depth()
returns table (queue text, sent bigint, parked bigint, leased bigint, done bigint, dead bigint,
               purged bigint, quarantined bigint, oldest_ms bigint)
language sql as $$
  with fresh as (
    select f.subscription, sum(f.sent) as sent, sum(f.parked) as parked, sum(f.done) as done,
           sum(f.dead) as dead
    from :schema.owner o join :schema.flushed f on f.owner = o.id and f.request > o.swept
    where f.subscription <> 0 group by f.subscription
  ), held as (
    select c.subscription, sum(c.n - :schema.ones(c.done)) as leased
    from :schema.claim c where c.state = 0 group by c.subscription
  ), acks as (  -- committed by users: done, though their claims are open
    select c.subscription, count(*) as n
    from :schema.acked a join :schema.claim c on c.gen = a.gen and c.state = 0
    where a.is_done and get_bit(c.done, a.index) is distinct from 1 group by c.subscription
  ), due as (
    select d.queue, count(*) as n from (
      select p.queue from :schema.parked p where p.due <= :schema.clock() order by p.due limit 10000
    ) as d group by d.queue
  )
  select q.name, t.sent + coalesce(f.sent, 0), t.parked + coalesce(f.parked, 0) - coalesce(d.n, 0),
         coalesce(h.leased, 0) - coalesce(a.n, 0),
         t.done + coalesce(f.done, 0) + coalesce(a.n, 0), t.dead + coalesce(f.dead, 0),
           t.purged,
         t.quarantined, (extract(epoch from :schema.oldest(s.id)) * 1000)::bigint
  from :schema.queue q join :schema.subscription s on s.queue = q.id
  join :schema.totals t on t.subscription = s.id
  left join fresh f on f.subscription = s.id left join held h on h.subscription = s.id
  left join acks a on a.subscription = s.id
  left join due d on d.queue = q.id
  order by q.name
$$
