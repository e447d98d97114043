-- Returns: the dead letters, decoded; of a damaged one what is known without its bytes.
-- Index: dead_letter_id; primary key of dead_letter.
-- Locks: none that anybody waits for.
-- Twice: the same, while nothing happens.
create or replace view :schema.dead as
select q.name as queue, d.id, d.reason, d.died_at, m.handler,
       (array['bytes', 'json', 'msgpack', 'text'])[m.content + 1] as content,
       :schema.as_json(m.headers) as headers, m.body,
       case when m.content in (1, 3) then :schema.as_text(m.body) end as body_text,
       case when m.content = 1 then :schema.as_json(:schema.as_text(m.body)) end as body_json,
       m.deliveries as attempts, m.failures, m.crashes,
       :schema.as_json('[' || replace(rtrim(m.history, E'\n'), E'\n', ',') || ']') as history,
       m.enqueued_at, d.number, m.priority, m.expires_at
from :schema.dead_letter d join :schema.queue q on q.id = d.queue
left join lateral :schema.decode_block(d.frames) as m on true
