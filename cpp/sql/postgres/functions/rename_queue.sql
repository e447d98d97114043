-- Returns: null once a queue has another name, and its log and its subscriptions with it; otherwise
--   a name among the new ones that some queue has, and nothing is changed. What users sent to it
--   and nobody has taken out of the outbox yet goes with it.
-- Index: the unique key of queue's names; outbox, whole.
-- Locks: the queues; the directory's row; the outbox's rows of it.
-- Twice: an error: the name is taken.
create or replace function :schema.rename_queue(p_queue int, p_old text, p_name text)
returns text language plpgsql as $$
declare
  v_taken text;
begin
  perform 1 from :schema.queue where id = p_queue and name = p_old for update;
  if not found then
    raise exception using errcode = 'MQ003',
      message = 'the queue was deleted or renamed; look it up again';
  end if;
  perform 1 from :schema.queue where id = any (:schema.go_with_queue(p_queue)) order by id
    for update;
  select t.name into v_taken from :schema.queue q join :schema.queue t
    on t.name = p_name || substr(q.name, length(p_old) + 1)
    where q.id = any (:schema.go_with_queue(p_queue)) limit 1;
  if found then
    return v_taken;
  end if;
  update :schema.queue set name = p_name || substr(name, length(p_old) + 1)
    where id = any (:schema.go_with_queue(p_queue));
  update :schema.outbox set queue = p_name where queue = p_old;
  perform 1 from :schema.directory where id = 0 for no key update;
  update :schema.directory set version = version + 1 where id = 0;
  return null;
exception when unique_violation then  -- somebody made one just now
  return p_name;
end $$
