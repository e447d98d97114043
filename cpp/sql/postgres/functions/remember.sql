-- Returns: nothing; remembers the dedup ids, each given once, of messages that the same transaction
--   stores. MQ004, and nothing is stored, when some are remembered already: its detail has
--   "number message digest," of each, the number from 1; empty when they were forgotten meanwhile.
-- Index: primary key of dedup.
-- Locks: the rows, in their order: one that comes at the same time waits for this transaction, but
--   not for long: of one that is half sent by a process that stands still there is no end.
-- Twice: MQ004.
create or replace function :schema.remember(
  p_queues int[], p_ids text[], p_messages uuid[], p_digests bigint[], p_kinds int[],
  p_windows_ms bigint[])
returns void language plpgsql set enable_seqscan = off set jit = off set lock_timeout = '1s' as $$
declare
  v_now timestamptz := :schema.clock();
  v_found text := :schema.find_remembered(p_queues, p_ids, v_now);
  v_count int;
begin
  if v_found is null then
    insert into :schema.dedup as d (queue, id, message, digest, kind, until)
    select w.queue, w.id, w.message, w.digest, w.kind,
           case w.kind when 0 then v_now + w.window_ms * interval '1 ms'
                       else v_now + interval '30 days' end
    from unnest(p_queues, p_ids, p_messages, p_digests, p_kinds, p_windows_ms)
      as w(queue, id, message, digest, kind, window_ms)
    order by w.queue, w.id
    on conflict (queue, id) do update set message = excluded.message, digest = excluded.digest,
      kind = excluded.kind, until = excluded.until where d.until <= v_now;
    get diagnostics v_count = row_count;
    if v_count < cardinality(p_ids) then  -- others came in between
      v_found := coalesce(:schema.find_others(p_queues, p_ids, p_messages), '');
    end if;
  end if;
  if v_found is not null then
    raise exception using errcode = 'MQ004', message = 'some dedup ids are remembered already',
      detail = v_found;
  end if;
  if random() < 0.02 then  -- seldom, and as much more then
    perform :schema.forget_dedup(least(100 * cardinality(p_ids), 5000));
  end if;
end $$
