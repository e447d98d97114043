-- Returns: whether users have sent something that lies at the mark or behind it, and the mark for
--   the next look: nothing that will be committed later lies before it.
-- Index: primary key of outbox, from the mark on: nothing is found behind what is deleted.
-- Locks: none.
-- Twice: the same, until it is drained.
create or replace function :schema.watch_outbox(
  p_mark bigint, out is_used boolean, out mark bigint)
language plpgsql stable as $$
begin
  mark := p_mark;
  is_used := exists (select 1 from :schema.outbox o where o.xid >= p_mark::text::xid8);
  if not is_used then  -- a stable function has one snapshot
    mark := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  end if;
end $$
