-- Returns: for each message what became of it in transactions of the user's: 1 one has
--   acknowledged it; 2 none has, and none will any more; 3 one that is still open may. A message
--   whose lease has gone is 2: its settle will hear that.
-- Index: primary keys of claim and acked.
-- Locks: the claims' rows, key share: a settle in part goes on meanwhile.
-- Twice: the same.
create or replace function :schema.bar(
  p_subscriptions int[], p_lanes int[], p_gens bigint[], p_owners bigint[], p_indexes int[])
returns table (fate int) language plpgsql set lock_timeout = '500ms' as $$
declare
  v_is_done boolean;
begin
  for v_place in 1 .. cardinality(p_gens) loop
    fate := 2;
    select a.is_done into v_is_done from :schema.acked a
      where a.gen = p_gens[v_place] and a.index = p_indexes[v_place];
    if not found then
      begin
        perform 1 from :schema.claim c
          where c.subscription = p_subscriptions[v_place] and c.lane = p_lanes[v_place]
            and c.gen = p_gens[v_place] and c.owner = p_owners[v_place] and c.state = 0
          for key share;
        if found then
          insert into :schema.acked (gen, index, is_done)
          values (p_gens[v_place], p_indexes[v_place], false);
        end if;
      exception
        when unique_violation then  -- somebody came first, and has committed
          select a.is_done into v_is_done from :schema.acked a
            where a.gen = p_gens[v_place] and a.index = p_indexes[v_place];
        when lock_not_available then
          fate := 3;
          perform set_config('lock_timeout', '10ms', true);  -- one wait is enough for all
      end;
    end if;
    if v_is_done then
      fate := 1;
    end if;
    return next;
  end loop;
end $$
