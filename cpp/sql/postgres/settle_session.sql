-- Returns: nothing of use; transactions of this session are READ COMMITTED, whatever the role's
--   default is; and its statements, all of which go by an index, are planned once: planning them
--   anew was a fifth of what the server did for a message.
-- Index: none.
-- Locks: none.
-- Twice: harmless.
select set_config('default_transaction_isolation', 'read committed', false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false)
