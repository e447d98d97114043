-- Returns: nothing; of many starters one goes on, the others wait here and find the work done.
-- Index: none.
-- Locks: the migration's, to the end of the transaction.
-- Twice: harmless.
select pg_advisory_xact_lock(1836279665, hashtext(':schema'))
