-- Returns: what is being handled: a row a claim, with who holds it, how many messages are left of
--   it, until when, which attempt it is and for how long it has lasted.
-- Index: see live_claims; primary keys of owner and process.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view :schema.leases as
select q.name as queue, p.host, p.pid, c.n - :schema.ones(c.done) as messages, c.until, c.attempt,
       clock_timestamp() - c.at as age, p.heartbeat_at
from :schema.live_claims() c
join :schema.subscription s on s.id = c.subscription join :schema.queue q on q.id = s.queue
left join :schema.owner o on o.id = c.owner left join :schema.process p on p.id = o.process
where c.state = 0
