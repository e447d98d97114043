-- Returns: nothing; keeps the messages that settles returned (kind 1 retry, 2 snooze) or gave up
--   (kind 3), or that go behind others of their key (kind 4), except those of settles that were
--   lost. r_keys: (hash, seq, index) of each, empty when none has a key. r_delays_ms of kind 4: for
--   which message in hand it waits, when it is the first, as due_behind() has it.
-- Index: parked_due, parked_id, parked_key, dead_letter_id; primary key of away_key.
-- Locks: none. REQUIRES: the claims' row locks.
-- Twice: keeps them twice; its caller does not come twice.
create or replace function :schema.set_aside(
  p_subscriptions int[], p_lost int[], r_settles int[], r_kinds int[], r_bands int[],
  r_delays_ms bigint[],
  r_reasons text[], r_ids uuid[], r_bytes int[], r_checksums bigint[], r_ends int[], r_frames bytea,
  r_keys bigint[])
returns void language plpgsql as $$
declare
  v_now timestamptz := :schema.clock();
  v_subscription int;
  v_queue int;
  v_hash bigint;
  v_due timestamptz;
begin
  for n in 1 .. cardinality(r_ids) loop
    continue when r_settles[n] = any (p_lost);
    v_subscription := p_subscriptions[r_settles[n]];
    select queue into v_queue from :schema.subscription where id = v_subscription;
    if r_kinds[n] = 3 then
      insert into :schema.dead_letter
        (queue, subscription, reason, died_at, id, bytes, checksum, frames)
      values (v_queue, v_subscription, r_reasons[n], v_now, r_ids[n], r_bytes[n], r_checksums[n],
              :schema.slice(r_frames, r_ends, n));
    else
      v_hash := case when r_bands[n] >= 95 then r_keys[3 * n - 2] end;
      v_due := v_now + r_delays_ms[n] * interval '1 ms';
      if r_kinds[n] = 4 then
        v_due := :schema.due_behind(v_queue, v_hash, r_delays_ms[n]);
      end if;
      insert into :schema.parked
        (queue, subscription, band, kind, due, parked_at, id, bytes, checksum, frames, hash,
         place_seq, place_index)
      values (v_queue, v_subscription, r_bands[n], r_kinds[n], v_due, v_now, r_ids[n], r_bytes[n],
              r_checksums[n], :schema.slice(r_frames, r_ends, n), v_hash,
              coalesce(r_keys[3 * n - 1], 0), coalesce(r_keys[3 * n], 0));
    end if;
  end loop;
end $$
