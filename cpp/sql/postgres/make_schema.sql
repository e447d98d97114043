-- Returns: nothing.
-- Index: none.
-- Locks: none.
-- Twice: a notice.
create schema if not exists :schema
