-- Returns: what the function of the schema returns; the session puts in its name and $1, $2, ...
-- Index: the function's.
-- Locks: the function's.
-- Twice: as the function says.
select * from :schema.:function
