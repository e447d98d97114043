-- Returns: nothing of use; transactions of this session are READ COMMITTED, whatever the role's
--   default is.
-- Index: none.
-- Locks: none.
-- Twice: harmless.
select set_config('default_transaction_isolation', 'read committed', false)
