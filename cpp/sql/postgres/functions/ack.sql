-- Returns: nothing; acknowledges messages in the caller's own transaction, at any isolation level:
--   they are done if, and only if, it commits. Raises MQ010: the lease has gone; MQ011: the
--   transaction began before the delivery; MQ012: already decided; MQ013: another transaction that
--   is still open acknowledges one of them.
-- Index: primary keys of claim and acked.
-- Locks: the claims' rows, key share, until the caller's transaction ends: they can be extended and
--   settled in part meanwhile, but not end. Whoever would end them passes over.
-- Twice: MQ012.
create or replace function :schema.ack(
  p_subscriptions int[], p_lanes int[], p_gens bigint[], p_owners bigint[], p_indexes int[])
returns void language plpgsql set lock_timeout = '5s' as $$
declare
  v_claim record;
  v_done varbit;
begin
  for v_claim in
    select a.subscription, a.lane, a.gen, a.owner, array_agg(a.index) as indexes
    from unnest(p_subscriptions, p_lanes, p_gens, p_owners, p_indexes)
      as a(subscription, lane, gen, owner, index)
    group by 1, 2, 3, 4 order by 1, 2, 3
  loop
    select c.done into v_done from :schema.claim c
      where c.subscription = v_claim.subscription and c.lane = v_claim.lane
        and c.gen = v_claim.gen and c.owner = v_claim.owner and c.state = 0
      for key share;
    if not found then
      perform :schema.refuse_ack(v_claim.subscription, v_claim.lane, v_claim.gen);
    end if;
    if exists (select 1 from unnest(v_claim.indexes) as i where get_bit(v_done, i) = 1) then
      raise unique_violation;
    end if;
    insert into :schema.acked (gen, index, is_done)
    select v_claim.gen, i, true from unnest(v_claim.indexes) as i order by i;
  end loop;
exception
  when serialization_failure then  -- the claim has ended; another reason is raised again
    perform :schema.refuse_ack(v_claim.subscription, v_claim.lane, v_claim.gen);
  when unique_violation then
    raise exception using errcode = 'MQ012', message = 'this message is already settled';
  when lock_not_available then
    raise exception using errcode = 'MQ013',
      message = 'another transaction that is still open acknowledges this message';
end $$
