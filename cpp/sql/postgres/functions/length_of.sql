-- Returns: how many messages wait, are parked or leased for a subscription; with p_keeps only those
--   that drop_oldest() would leave.
-- Index: primary keys of totals and flushed, behind what was swept; for p_keeps those of claim,
--   from the right, and block, from the position on.
-- Locks: none.
-- Twice: the same, while nothing happens.
create or replace function :schema.length_of(p_subscription int, p_keeps boolean) returns bigint
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off
set enable_mergejoin = off set jit = off as $$
declare
  v_droppable bigint := 0;
begin
  if p_keeps then
    select coalesce(sum(b.n - case when b.seq = newest.pos_seq then newest.pos_index else 0 end), 0)
      into v_droppable
      from :schema.cursor r join :schema.lane l on l.id = r.lane and l.band < 95
      left join lateral (
        select c.pos_seq, c.pos_index from :schema.claim c
        where c.subscription = r.subscription and c.lane = r.lane
        order by c.gen desc limit 1) as newest on true
      join :schema.block b on b.lane = r.lane and b.seq >= coalesce(newest.pos_seq, 0)
      where r.subscription = p_subscription;
  end if;
  return (
    select t.sent - t.done - t.dead - t.purged - t.quarantined - t.expired - t.cancelled
           + coalesce(f.length, 0) - v_droppable
    from :schema.totals t
    cross join lateral (
      select sum(e.sent - e.done - e.dead - e.expired) as length
      from :schema.owner o
      cross join lateral (
        select * from :schema.flushed f where f.owner = o.id and f.request > coalesce((
          select max(s.request) from :schema.swept s where s.owner = o.id), 0)
        order by f.request) as e
      where e.subscription = p_subscription) as f
    where t.subscription = p_subscription);
end $$
