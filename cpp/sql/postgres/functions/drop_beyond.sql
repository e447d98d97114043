-- Returns: the subscriptions that had more messages before them than they may, and how many of the
--   oldest each gave up for it, at most 10,000 a call. The length is read by a statement that
--   begins with the setting's row in hand: of many processes one drops what is too much.
-- Index: primary keys of queue_setting and follower; see balance and drop_oldest.
-- Locks: the settings' rows, those that others hold are passed over; then those of drop_oldest().
-- Twice: nothing more.
create or replace function :schema.drop_beyond() returns table (queue text, dropped bigint)
language plpgsql as $$
declare
  v_each record;
begin
  for v_each in
    select q.name, s.id, t.length_max from :schema.queue_setting t
    join :schema.follower f on f.queue = t.queue join :schema.queue q on q.id = t.queue
    join :schema.subscription s on s.queue = t.queue
    where t.length_max > 0 and t.overflow = 3 order by s.id for no key update of t skip locked
  loop
    select :schema.drop_oldest(v_each.id, least(b.length - v_each.length_max, 10000))
    into dropped from (
      select f.sent - f.done - f.dead - f.purged - f.quarantined - f.expired - f.cancelled as length
      from :schema.balance(v_each.name) f) as b
    where b.length > v_each.length_max;
    if dropped > 0 then
      queue := v_each.name;
      return next;
    end if;
  end loop;
end $$
