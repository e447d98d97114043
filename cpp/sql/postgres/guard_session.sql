-- Returns: nothing of use; from now on the server notices within half a minute that the client of
--   this session has vanished, and holds no lock for it. A shorter time of the role's stays.
-- Index: none.
-- Locks: none.
-- Twice: the same.
select set_config(want.name, want.value, false)
from (values ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'),
             ('tcp_keepalives_count', '2'), ('tcp_user_timeout', '20000'),
             ('client_connection_check_interval', '10000'),
             ('idle_in_transaction_session_timeout', '20000')) as want(name, value)
join pg_settings as has on has.name = want.name
where has.name not like '%session_timeout'
   or has.setting::bigint not between 1 and want.value::bigint
