-- Returns: nothing.
-- Index: primary key.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a constraint error; the number is drawn in the same transaction.
insert into parked (number, id, type, content, headers, body, deliveries, failures, crashes,
  history, enqueued_ms, priority, expires_ms, key, place_seq, place_index, once, queue,
  subscription, kind, due_ms, parked_ms, hash)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
  ?21, ?22, case when ?14 <> '' then ?23 end)
