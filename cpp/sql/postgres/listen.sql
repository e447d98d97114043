-- Returns: nothing; hints of other processes come to this session.
-- Index: none.
-- Locks: none.
-- Twice: harmless.
listen msgq_:schema
