-- Returns: whether the one message left of a lapsed claim became a dead letter. p_hash: of its key;
--   0: it has none.
-- Index: primary key of claim; dead_letter_id.
-- Locks: the claim's row.
-- Twice: false.
create or replace function :schema.bury_message(
  p_subscription int, p_lane int, p_gen bigint, p_reason text, p_id uuid, p_bytes int,
  p_checksum bigint, p_frames bytea, p_hash bigint)
returns boolean language plpgsql as $$
declare
  v_claim :schema.claim;
begin
  select * into v_claim from :schema.claim c
    where c.subscription = p_subscription and c.lane = p_lane and c.gen = p_gen and c.state = 2
    for update;
  if not found or v_claim.n - :schema.ones(v_claim.done) <> 1 then
    return false;
  end if;
  insert into :schema.dead_letter (queue, subscription, reason, died_at, id, bytes, checksum,
    frames)
  select s.queue, s.id, p_reason, :schema.clock(), p_id, p_bytes, p_checksum, p_frames
  from :schema.subscription s where s.id = p_subscription;
  update :schema.totals set dead = dead + 1 where subscription = p_subscription;
  perform :schema.forget_messages(
    array(select queue from :schema.subscription where id = p_subscription), array[p_id]);
  perform :schema.end_claims(array[v_claim]);
  if p_hash <> 0 and (
    exists (select 1 from :schema.lane l where l.id = p_lane and l.subscription <> 0)
    or exists (select 1 from :schema.away_key a join :schema.subscription s on s.queue = a.queue
               where s.id = p_subscription and a.hash = p_hash
                 and a.waits_for = :schema.place_alone(v_claim))) then
    perform :schema.note_decided(array[p_subscription], '{}', array[1, p_hash, 1]);
  end if;
  return true;
end $$
