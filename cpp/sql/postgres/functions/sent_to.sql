-- Returns: which subscriptions' totals messages sent to lanes count for, and how many: for those of
--   the lanes (not of topics), and for their logs.
-- Index: primary key of lane; the unique key of subscription.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.sent_to(p_lanes int[], p_subscriptions int[], p_n int[])
returns table (subscription int, n int) language plpgsql stable as $$
#variable_conflict use_column
begin
  return query
    select case when t.is_log then g.id else e.s end, e.n
    from unnest(p_lanes, p_subscriptions, p_n) as e(lane, s, n)
    join :schema.lane l on l.id = e.lane
    cross join (values (false), (true)) as t(is_log)
    left join :schema.lane m on t.is_log and m.id = l.log
    left join :schema.subscription g on g.queue = m.queue
    where case when t.is_log then g.id is not null else not l.is_topic end;
end $$
