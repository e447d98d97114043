-- Returns: nothing; admits a request of an open owner and keeps the owner open until the request's
--   transaction ends. Raises MQ001 when it is closed, MQ002 when the isolation level is not READ
--   COMMITTED: under another, statements after a lock would not see what its last holder wrote.
-- Index: primary key of owner.
-- Locks: the owner's lock, shared; a lock on its row would cost a write a request.
-- Twice: harmless.
create or replace function :schema.enter(p_owner bigint) returns void language plpgsql as $$
declare
  v_is_held boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'MQ002',
      message = 'msgq runs in READ COMMITTED, not ' || current_setting('transaction_isolation');
  end if;
  v_is_held := pg_advisory_xact_lock_shared(p_owner) is not null;  -- cheaper than a perform
  if not exists (select 1 from :schema.owner where id = p_owner and not is_closed) then
    raise exception using errcode = 'MQ001', message = 'this connection was closed by others';
  end if;
end $$
