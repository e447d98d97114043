-- Returns: the lane into which messages of a shard of keys are appended; made when there is none.
-- Index: the unique key of lane.
-- Locks: those of make_lane().
-- Twice: the same lane.
create or replace function :schema.keyed_lane(p_queue int, p_band int) returns int
language plpgsql as $$
begin
  return :schema.make_lane(p_queue, (select id from :schema.subscription where queue = p_queue), 0,
                           0, p_band);
end $$
