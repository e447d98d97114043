-- Returns: never; says why the caller sees no open claim of that number. A cursor's claims become
--   visible in the order of their numbers, and its newest row stays: whoever sees no number as high
--   looks at a time before the claim.
-- Index: primary key of claim, from the right.
-- Locks: none.
-- Twice: the same.
create or replace function :schema.refuse_ack(p_subscription int, p_lane int, p_gen bigint)
returns void language plpgsql as $$
declare
  v_newest bigint;
begin
  select c.gen into v_newest from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane order by c.gen desc limit 1;
  if coalesce(v_newest, 0) < p_gen
     and current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'MQ011',
      message = 'this transaction (' || current_setting('transaction_isolation')
                || ') began before the message was delivered and cannot see its claim';
  end if;
  raise exception using errcode = 'MQ010', message = 'the lease of this message has gone';
end $$
