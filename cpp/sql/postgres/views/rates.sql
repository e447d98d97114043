-- Returns: messages a second of every queue over the last 1, 5 and 15 minutes: sent, done, and
--   failed, those tried again as well as those given up. Up to a few seconds late: totals are
--   folded first.
-- Index: rate_at.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view :schema.rates as
select q.name as queue, w.minutes,
       coalesce(sum(r.sent), 0)::float8 / (60 * w.minutes) as sent,
       coalesce(sum(r.done), 0)::float8 / (60 * w.minutes) as done,
       coalesce(sum(r.failed), 0)::float8 / (60 * w.minutes) as failed
from :schema.queue q join :schema.subscription s on s.queue = q.id
cross join (values (1), (5), (15)) as w(minutes)
left join (
  select * from :schema.rate where at > now() - interval '15 minutes'
) as r on r.subscription = s.id and r.at > now() - w.minutes * interval '1 minute'
group by q.name, w.minutes
