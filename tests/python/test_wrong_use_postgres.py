"""Wrong use of PostgreSQL: a typed error with the next step, no secret (S8), nothing written."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

import msgq
from tests.support.postgres import DATABASE, PostgresServer


def refused(url: str, error: type[msgq.MsgqError], why: str, **settings: object) -> None:
    with pytest.raises(error, match=re.compile(why, re.DOTALL)) as caught:
        msgq.connect(url, **settings)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def role(postgres_server: PostgresServer) -> Iterator[str]:
    """A role that may log in and nothing else."""
    postgres_server.execute("create role intruder login password 'letmein'")
    yield "intruder"
    postgres_server.execute("drop owned by intruder")
    postgres_server.execute("drop role intruder")


def url_as(server: PostgresServer, role: str, query: str = "") -> str:
    return f"postgresql://{role}@127.0.0.1:{server.port}/{DATABASE}{query}"


def test_the_database_is_missing(postgres_server: PostgresServer) -> None:
    url = f"{postgres_server.tcp_url.removesuffix(DATABASE)}nowhere"
    refused(url, msgq.ConfigError, '3D000: database "nowhere" does not exist.*create the database')


def test_the_role_is_missing(postgres_server: PostgresServer) -> None:
    url = postgres_server.tcp_url.replace("//msgq@", "//nobody:hunter2@")
    refused(url, msgq.ConfigError, '28000: role "nobody" does not exist.*check the user')


def test_the_password_is_wrong(own_postgres: PostgresServer) -> None:
    own_postgres.execute("create role guest login password 'letmein'")
    access = own_postgres.place / "data" / "pg_hba.conf"
    rules = access.read_text()
    access.write_text("host all guest 127.0.0.1/32 scram-sha-256\n" + rules)
    own_postgres.execute("select pg_reload_conf()")
    url = f"postgresql://guest:hunter2@127.0.0.1:{own_postgres.port}/{DATABASE}"
    refused(url, msgq.ConfigError, "28P01: password authentication failed.*check user and password")


def test_the_role_may_not_make_the_schema(postgres_server: PostgresServer, role: str) -> None:
    url = url_as(postgres_server, role, "?schema=forbidden")
    refused(url, msgq.StoreRejectedError, "permission denied.*42501.*ask the owner")


def test_the_role_may_not_use_the_schema(
    postgres_server: PostgresServer, postgres_url: str, role: str
) -> None:
    msgq.connect(postgres_url).close()
    schema = postgres_url.rpartition("schema=")[2]
    url = url_as(postgres_server, role, f"?schema={schema}")
    refused(url, msgq.StoreRejectedError, "permission denied.*42501.*ask the owner")


def test_the_schema_is_missing_and_may_not_be_made(postgres_url: str) -> None:
    refused(postgres_url, msgq.SchemaError, "version 0 of 3.*msgq db upgrade", create_schema=False)


def test_the_schema_is_of_a_newer_msgq(postgres_server: PostgresServer, postgres_url: str) -> None:
    msgq.connect(postgres_url).close()
    schema = postgres_url.rpartition("schema=")[2]
    postgres_server.execute(f"insert into {schema}.meta (version) values (1000)")
    refused(postgres_url, msgq.SchemaError, "newer msgq .version 1000.*upgrade msgq")


@pytest.mark.parametrize("is_made", [False, True])
def test_the_server_takes_no_writes(postgres_url: str, is_made: bool) -> None:
    if is_made:
        msgq.connect(postgres_url).close()
    url = f"{postgres_url}&options=-c%20default_transaction_read_only=on"
    refused(
        url,
        msgq.StoreUnavailableError,
        "read-only transaction.*25006.*target_session_attrs",
    )


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("schema=Jobs", "schema"), ("schema=1", "schema"), ("schema=" + "x" * 51, "schema"),
        ("connect_timeout=0", "connect_timeout"), ("create_schema=perhaps", "create_schema"),
        ("sslmode=sometimes", "invalid sslmode value"), ("port=99999", "invalid port number"),
        ("target_session_attrs=mine", "invalid target_session_attrs value"),
        ("keepalives_idle=long", "invalid integer value"),
    ],
)  # fmt: skip
def test_an_option_is_out_of_range(postgres_server: PostgresServer, option: str, why: str) -> None:
    refused(f"{postgres_server.tcp_url}?{option}", msgq.ConfigError, why)


def test_the_server_has_no_connection_left(own_postgres: PostgresServer) -> None:
    own_postgres.execute("create role guest login")
    own_postgres.execute("alter role guest connection limit 1")
    url = f"postgresql://guest@127.0.0.1:{own_postgres.port}/{DATABASE}"
    with contextlib.closing(psycopg.connect(url)):
        refused(url, msgq.StoreUnavailableError, "53300: too many connections.*max_connections")


def test_nobody_listens_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"postgresql://me:hunter2@127.0.0.1:{taken.getsockname()[1]}/{DATABASE}"
        refused(url, msgq.StoreUnavailableError, "Connection refused")


def test_a_close_ends_the_wait_for_a_server_that_is_away() -> None:
    waits, failed = threading.Event(), threading.Event()

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting for the store" in record.getMessage():
                waits.set()

    def use(client: msgq.Client) -> None:
        with pytest.raises(msgq.StoreUnavailableError):
            client.open()
        failed.set()

    told = Told()
    logging.getLogger("msgq").addHandler(told)
    try:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"postgresql://me@127.0.0.1:{taken.getsockname()[1]}/{DATABASE}"
            client = msgq.Client(url, start_wait=3600)
            threading.Thread(target=use, args=(client,), daemon=True).start()
            assert waits.wait(20)
            assert client.close()
            assert failed.wait(20)
    finally:
        logging.getLogger("msgq").removeHandler(told)
    with pytest.raises(msgq.ClosedError):
        client.open()


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://me:hunter2@127.0.0.1:{silent.getsockname()[1]}/{DATABASE}"
        began = time.monotonic()
        refused(url, msgq.StoreUnavailableError, "no connection within 300 ms", connect_timeout=0.3)
        assert time.monotonic() - began < 4


def test_a_server_without_tls_is_refused_where_it_has_to_prove_itself(
    postgres_server: PostgresServer,
) -> None:
    """hostaddr says where it is; the name is what its certificate would have to prove."""
    url = f"{postgres_server.tcp_url}?sslmode=verify-full"
    refused(url, msgq.ConfigError, "sslrootcert=FILE")


def test_sessions_are_asked_for_behind_a_pooler(pooled_url: str) -> None:
    """What cannot be kept is refused at the start, not by messages that go astray."""
    msgq.connect(pooled_url).close()
    refused(pooled_url, msgq.StoreRejectedError, "say pgbouncer=on, or auto", pgbouncer="off")


def test_a_pooler_that_is_said_and_not_there_does_no_harm(postgres_url: str) -> None:
    with msgq.connect(f"{postgres_url}&pgbouncer=1") as client:
        client.queue("q").enqueue(b"x")
        (delivery,) = client.queue("q").claim(1, wait=5)
        delivery.ack()
