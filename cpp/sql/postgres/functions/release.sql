-- Returns: nothing; forgets the dedup ids of messages of open claims: they are over, which the same
--   transaction settles, or about to start. Those of claims that are no longer open stay.
-- Index: primary key of claim; dedup_message.
-- Locks: the claims' rows, so that they stay open; the rows.
-- Twice: nothing the second time.
create or replace function :schema.release(
  p_subscriptions int[], p_lanes int[], p_gens bigint[], p_owners bigint[], p_messages uuid[])
returns void language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_gen bigint := 0;
  v_is_open boolean;
  v_messages uuid[] := '{}';
  v_queues int[] := '{}';
  v_queue int;
begin
  for i in 1 .. cardinality(p_gens) loop
    if p_gens[i] <> v_gen then
      v_gen := p_gens[i];
      perform 1 from :schema.claim c
        where (c.subscription, c.lane, c.gen, c.owner, c.state) =
          (p_subscriptions[i], p_lanes[i], p_gens[i], p_owners[i], 0) for no key update;
      v_is_open := found;
      select queue into v_queue from :schema.subscription where id = p_subscriptions[i];
    end if;
    if v_is_open then
      v_queues := v_queues || v_queue;
      v_messages := v_messages || p_messages[i];
    end if;
  end loop;
  perform :schema.forget_messages(v_queues, v_messages);
end $$
