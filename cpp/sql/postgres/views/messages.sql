-- Returns: every message that waits, is leased or is parked, decoded, with its body as bytes and,
--   where it is text or JSON, readable. Those of damaged blocks are left out. Blocks are decoded as
--   rows are asked for: say `limit`, or `where queue = ...`.
-- Index: primary key of block, from each position on; see live_claims; parked_id.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view :schema.messages as
select m.queue, m.id, m.state, m.handler,
       (array['bytes', 'json', 'msgpack', 'text'])[m.content + 1] as content,
       :schema.as_json(m.headers) as headers, m.body,
       case when m.content in (1, 3) then :schema.as_text(m.body) end as body_text,
       case when m.content = 1 then :schema.as_json(:schema.as_text(m.body)) end as body_json,
       m.attempt, m.enqueued_at, m.due_at, m.lane, m.seq, m.index,
       m.priority, m.expires_at
from (
  select q.name as queue, case c.state when 0 then 'leased' else 'waiting' end as state,
         m.id, m.handler, m.content, m.headers, m.body, m.deliveries + c.attempt as attempt,
         m.enqueued_at, null::timestamptz as due_at, c.lane, b.seq, m.index,
         m.priority, m.expires_at
  from :schema.queue q join :schema.subscription s on s.queue = q.id
  join :schema.live_claims() c on c.subscription = s.id
  cross join lateral (
    select e.seq, e.frames, part.first, part.last,
           sum(part.last - part.first) over (order by e.seq) - part.last as ordinal
    from :schema.block e
    cross join lateral (
      select case when e.seq = c.lo_seq then c.lo_index else 0 end as first,
             case when e.seq = c.hi_seq then c.hi_index else e.n end as last) as part
    where e.lane = c.lane and e.seq >= c.lo_seq and e.seq < c.hi_seq + (c.hi_index > 0)::int
  ) as b
  cross join lateral :schema.decode_block(b.frames) as m
  where m.index >= b.first and m.index < b.last
    and case when b.ordinal + m.index < length(c.done)
             then get_bit(c.done, (b.ordinal + m.index)::int) = 0 else true end
  union all
  select q.name, 'waiting', m.id, m.handler, m.content, m.headers, m.body, m.deliveries,
         m.enqueued_at, null, b.lane, b.seq, m.index, m.priority, m.expires_at
  from :schema.queue q join :schema.subscription s on s.queue = q.id
  join :schema.cursor r on r.subscription = s.id
  left join lateral (
    select c.pos_seq as seq, c.pos_index as index from :schema.claim c
    where c.subscription = r.subscription and c.lane = r.lane order by c.gen desc limit 1
  ) as position on true
  cross join lateral (  -- one by one, as a plan that reads and sorts all would not be lazy
    with recursive walk as (
      (select e.lane, e.seq, e.frames from :schema.block e
       where e.lane = r.lane and e.seq >= coalesce(position.seq, 0) order by e.seq limit 1)
      union all
      select e.* from walk w cross join lateral (
        select e.lane, e.seq, e.frames from :schema.block e
        where e.lane = w.lane and e.seq > w.seq order by e.seq limit 1) as e
    )
    select * from walk
  ) as b
  cross join lateral :schema.decode_block(b.frames) as m
  where (b.seq = position.seq and m.index < position.index) is not true
  union all
  select q.name, 'parked', p.id, m.handler, m.content, m.headers, m.body, m.deliveries,
         m.enqueued_at, p.due, null, null, null, m.priority, m.expires_at
  from :schema.queue q join :schema.parked p on p.queue = q.id
  left join lateral :schema.decode_block(p.frames) as m on true
) as m
