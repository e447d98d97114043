-- Returns: nothing.
-- Index: primary key of process.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a constraint error; ids are random.
insert into process (id, boot_id, host, pid, started_ms, heartbeat_ms, version)
  values (?1, ?2, ?3, ?4, ?5, ?5, ?6)
