-- Returns: nothing; functions may name one another before they are there, in this transaction.
-- Index: none.
-- Locks: none.
-- Twice: harmless.
set local check_function_bodies = off
