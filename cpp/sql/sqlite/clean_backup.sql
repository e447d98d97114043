-- Returns: nothing; a copy has no processes, and what they held is claimable again.
-- Index: none; runs on a copy nobody uses yet.
-- Locks: the copy.
-- Twice: changes nothing the second time.
update claim set state = 2 where state = 0;
update hot set leased = 0 where kind = 2;
update hot set lapsed = (select count(*) from claim where state = 2) where kind = 0;
delete from hot where kind = 1;
delete from process
