-- Returns: how many dead letters were deleted, of those that died before that long the oldest; none
--   that others are just deleting.
-- Index: primary key of dead_letter; no more than p_max rows are looked at, as numbers rise with
--   deaths.
-- Locks: the rows; the totals.
-- Twice: the next ones.
create or replace function :schema.forget_dead(p_age_ms bigint, p_max int) returns int
language sql set enable_seqscan = off as $$
  with oldest as (
    select d.number, d.died_at from :schema.dead_letter d order by d.number limit p_max
  ), old as (
    select d.number from :schema.dead_letter d
    where d.number = any (array(
      select o.number from oldest o
      where o.died_at < (select :schema.clock() - p_age_ms * interval '1 ms')))
    order by d.number for update skip locked
  ), gone as (
    delete from :schema.dead_letter d where d.number = any (array(select number from old))
    returning d.queue
  ), each as (
    select s.id as subscription, count(*) as n
    from gone g join :schema.subscription s on s.queue = g.queue group by s.id
  ), counted as (
    update :schema.totals t set dead = t.dead - e.n, purged = t.purged + e.n
      from each e where t.subscription = e.subscription
  )
  select count(*)::int from gone
$$
