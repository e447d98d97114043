-- Returns: nothing.
-- Index: primary key of claim.
-- Locks: nothing of its own; the caller holds the write lock (BEGIN IMMEDIATE).
-- Twice: a constraint error; gen is drawn in the same transaction.
insert into claim (subscription, lane, gen, lo_seq, lo_index, hi_seq, hi_index, owner, kind, state,
  attempt, crashes, crashed_ms, is_suspect, until_ms, lease_ms, n, done, pos_seq, pos_index,
    prev_gen)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
  ?21)
