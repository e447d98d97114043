-- Returns: how many processes work on the schema: those whose lock somebody holds.
-- Index: none: processes are few.
-- Locks: the free ones' locks, shared, to the end of the transaction.
-- Twice: the same, later.
select count(*) from :schema.process p
where not pg_try_advisory_xact_lock_shared(:schema.space(), p.id)
