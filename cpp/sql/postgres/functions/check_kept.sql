-- Returns: nothing; raises MQ007 when what a subscription is to begin with, as begin_at() takes it,
--   is not kept in the log: it was swept, or sent before there was one.
-- Index: primary key of block, from the left, or at the place; see describe_log.
-- Locks: none. REQUIRES: the log's lock, so that nothing is swept meanwhile.
-- Twice: the same.
create or replace function :schema.check_kept(
  p_log int, p_kind int, p_age_ms bigint, p_lane int, p_seq bigint)
returns void language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_from timestamptz := :schema.clock() - p_age_ms * interval '1 ms';
begin
  if p_kind = 2 and exists (
      select 1 from :schema.totals t join :schema.subscription s on s.id = t.subscription
      where s.queue = p_log and t.purged > 0)
    and not exists (
      select 1 from :schema.lane l cross join lateral (
        select e.at from :schema.block e where e.lane = l.id order by e.seq limit 1) as oldest
      where l.queue = p_log and oldest.at <= v_from)
    or p_kind = 3 and not exists (
      select 1 from :schema.block b where b.lane = p_lane and b.seq = p_seq)
  then
    raise exception using errcode = 'MQ007', message = 'what it is to begin with is not kept';
  end if;
end $$
