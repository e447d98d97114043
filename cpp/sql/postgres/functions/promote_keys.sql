-- Returns: how many parked messages of keys went back into their queues. A due one goes when it is
--   the first of its key and nothing of the key that came back before is undecided, and with it
--   those behind it, p_chunk in all; otherwise it is held back. Not while another process has its
--   shard. They are sought from 2 s before due_from() on; p_from_left: all of them, as a shard may
--   have been another's for long.
-- Index: parked_key_due, parked_key; primary keys of away_key and block.
-- Locks: the owner, shared; of each shard its cursors, tried; its returned lane; the rows.
-- Twice: an error: (owner, request) is in flushed.
create or replace function :schema.promote_keys(
  p_owner bigint, p_request bigint, p_process int, p_max int, p_chunk int, p_from_left boolean)
returns int language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_now timestamptz := :schema.clock();
  v_from timestamptz := case when p_from_left then '-infinity'
                             else :schema.due_from() - interval '2 s' end;
  v_shard record;
  v_row record;
  v_first bigint;
  v_lane int;
  v_moved bigint[];
  v_count int := 0;
  v_subscriptions int[] := '{}';
begin
  for v_shard in
    select d.queue, d.band, s.id as subscription, m.id as main
    from (select distinct p.queue, p.band from (
            select queue, band from :schema.parked
            where hash is not null and due >= v_from and due <= v_now
            order by due limit p_max) as p) as d
    join :schema.subscription s on s.queue = d.queue
    join :schema.cursor r on r.subscription = s.id
    join :schema.lane m on m.id = r.lane and m.band = d.band and m.subscription = 0
    order by m.id
  loop
    perform :schema.enter(p_owner);
    continue when not :schema.try_cursor(v_shard.subscription, v_shard.main);
    v_lane := :schema.returned_lane(v_shard.queue, v_shard.band);
    continue when not :schema.try_cursor(v_shard.subscription, v_lane);
    continue when :schema.is_held_elsewhere(v_shard.subscription, array[v_shard.main, v_lane],
                                            p_process);
    exit when v_count >= p_max;
    perform :schema.lock_lanes(array[v_lane]);
    for v_row in
      select p.number, p.hash from :schema.parked p
      where p.queue = v_shard.queue and p.band = v_shard.band and p.hash is not null
        and p.due >= v_from and p.due <= v_now order by p.due limit p_max
    loop
      select f.number into v_first from :schema.parked f
        where f.queue = v_shard.queue and f.hash = v_row.hash
        order by f.place_seq, f.place_index limit 1;
      if v_first <> v_row.number or exists (
        select 1 from :schema.away_key a where a.queue = v_shard.queue and a.hash = v_row.hash) then
        update :schema.parked set due = :schema.held_back() where number = v_row.number;
        continue;
      end if;
      v_moved := :schema.first_of_key(v_shard.queue, v_row.hash, v_now, p_chunk);
      perform 1 from :schema.parked where number = any (v_moved) order by number for update;
      -- Of what is left.
      v_moved := :schema.first_of_key(v_shard.queue, v_row.hash, v_now, p_chunk);
      continue when cardinality(v_moved) = 0;
      insert into :schema.block
        (lane, seq, n, bytes, first_id, last_id, owner, request, at, checksum, frames)
      select v_lane, nextval(':schema.seq'), 1, g.bytes, g.id, g.id, 0, 0, v_now, g.checksum,
             g.frames
      from (select p.* from :schema.parked p where p.number = any (v_moved)
            order by p.place_seq, p.place_index) as g;
      delete from :schema.parked where number = any (v_moved);
      insert into :schema.away_key (queue, hash, in_lane)
      values (v_shard.queue, v_row.hash, cardinality(v_moved));
      v_count := v_count + cardinality(v_moved);
      v_subscriptions := v_subscriptions
                         || array_fill(v_shard.subscription, array[cardinality(v_moved)]);
    end loop;
  end loop;
  if v_count > 0 then
    insert into :schema.flushed (owner, request, part, subscription, parked)
    select p_owner, p_request, 5, s, -count(*) from unnest(v_subscriptions) s group by s;
  end if;
  return v_count;
end $$
