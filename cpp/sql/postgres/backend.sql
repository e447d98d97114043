-- Returns: the number of the server's process that runs this.
-- Index: none.
-- Locks: none.
-- Twice: behind a pooler in transaction mode it may be another one.
select pg_backend_pid()
