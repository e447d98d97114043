-- Returns: nothing; says whose file it is and which version (0x4d534751 is MSGQ).
-- Index: none.
-- Locks: the write lock, in the transaction of the migrations.
-- Twice: sets the same again.
pragma application_id = 0x4d534751; pragma user_version = 2
