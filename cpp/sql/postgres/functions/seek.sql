-- Returns: how many messages wait for a subscription once it reads on from another place, see
--   begin_at(); what it had in hand, parked or waiting is dropped, as purge() does. Raises MQ007,
--   see check_kept().
-- Index: see purge and begin_at.
-- Locks: the log; then those of purge().
-- Twice: the same.
create or replace function :schema.seek(
  p_queue int, p_kind int, p_age_ms bigint, p_lane int, p_seq bigint, p_index int)
returns bigint language plpgsql as $$
declare
  v_log int;
begin
  select f.log into v_log from :schema.follower f where f.queue = p_queue;
  perform pg_advisory_xact_lock(:schema.space(), v_log);
  perform :schema.check_kept(v_log, p_kind, p_age_ms, p_lane, p_seq);
  perform :schema.purge(p_queue);
  return :schema.begin_at(
    (select id from :schema.subscription where queue = p_queue), v_log, p_kind, p_age_ms, p_lane,
    p_seq, p_index);
end $$
