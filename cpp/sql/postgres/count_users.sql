-- Returns: how many processes work on the schema: those whose lock somebody holds, and those
--   without one, behind a pooler, whose heart has beaten lately. Tables of version 1 know locks
--   alone.
-- Index: none: processes are few.
-- Locks: the free ones' locks, shared, to the end of the transaction.
-- Twice: the same, later.
select count(*) from :schema.process p
where case when coalesce((to_jsonb(p) ->> 'has_lock')::boolean, true)
           then not pg_try_advisory_xact_lock_shared(:schema.space(), p.id)
           else p.heartbeat_at > clock_timestamp() - interval '10 s' and not p.is_dead end
