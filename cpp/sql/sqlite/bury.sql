-- Returns: nothing.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a constraint error; the number is drawn in the same transaction.
insert into dead (number, id, type, content, headers, body, deliveries, failures, crashes, history,
  enqueued_ms, priority, expires_ms, key, once, queue, subscription, reason, died_ms)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?17, ?18, ?19, ?20, ?21)
