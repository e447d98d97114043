-- Returns: nothing; counts messages that users acknowledged in transactions of their own as done.
-- Index: primary key of totals.
-- Locks: the totals' rows, in order.
-- Twice: counts them twice; its caller does not come twice.
create or replace function :schema.count_acks(p_subscriptions int[], p_counts int[]) returns void
language plpgsql as $$
declare
  v_change record;
begin
  for v_change in
    select a.subscription, sum(a.n) as n
    from unnest(p_subscriptions, p_counts) as a(subscription, n)
    where a.n > 0 group by 1 order by 1
  loop
    update :schema.totals set done = done + v_change.n where subscription = v_change.subscription;
  end loop;
end $$
