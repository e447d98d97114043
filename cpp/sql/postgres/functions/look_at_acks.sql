-- Returns: the messages of these claims that users' committed transactions acknowledged.
-- Index: primary key of acked.
-- Locks: none.
-- Twice: the same, as long as the claims are open.
create or replace function :schema.look_at_acks(p_gens bigint[])
returns table (gen bigint, index int) language sql stable as $$
  select a.gen, a.index from :schema.acked a where a.gen = any (p_gens) and a.is_done
$$
