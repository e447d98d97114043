"""The server of the tests starts, is reached in both ways, breaks as told, and leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.support import postgres
from tests.support.postgres import PostgresServer
from tests.support.postgres_binaries import ROOT, NoServerError, find_binaries
from tests.support.postgres_fixtures import CHOSEN, new_server

SCRIPT = Path(postgres.__file__)


def run(*arguments: object, status: int = 0, **environ: str) -> str:
    said = subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)],
        env={**os.environ, **CHOSEN, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == status, said.stdout + said.stderr
    return said.stdout.strip()


def one(url: str, statement: str = "select 1") -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row and row[0]


def test_it_is_reached_by_socket_and_by_tcp(postgres_server: PostgresServer) -> None:
    server = postgres_server
    assert one(server.url, "select current_user || '/' || current_database()") == "msgq/msgq"
    assert one(server.tcp_url, "select inet_server_port()") == server.port
    assert one(server.dsn, "show fsync") == "off"
    assert one(server.url, "show max_connections") == "200"
    assert one(server.url, "select rolsuper from pg_roles where rolname = 'msgq'") is True


def test_it_is_of_the_version_that_was_asked_for(postgres_server: PostgresServer) -> None:
    ((version,),) = postgres_server.execute("show server_version")
    assert re.match(CHOSEN.get("MSGQ_PG_VERSION", r"\d+") + r"\b", version)


def test_each_url_names_a_schema_of_its_own(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    (name,) = parse_qs(urlsplit(postgres_url).query)["schema"]
    taken = postgres_server.execute("select nspname from pg_namespace where nspname like 't\\_%%'")
    assert (name,) not in taken
    postgres_server.execute(f"create schema {name}")


def test_a_schema_is_gone_after_its_test(postgres_server: PostgresServer) -> None:
    assert postgres_server.execute("select from pg_namespace where nspname like 't\\_%%'") == []


def test_a_test_can_end_every_connection(own_postgres: PostgresServer) -> None:
    with psycopg.connect(own_postgres.url) as victim:
        assert own_postgres.terminate_connections() == 1
        with pytest.raises(psycopg.OperationalError):
            victim.execute("select 1")
    assert own_postgres.terminate_connections() == 0


def test_it_comes_back_where_it_was_with_what_it_held(own_postgres: PostgresServer) -> None:
    server = own_postgres
    url, pid = server.url, server.pid
    server.execute("create table kept (n int)")
    server.restart()
    assert server.url == url
    assert server.pid not in (0, pid)
    with psycopg.connect(url) as held:
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            held.execute("select 1")
    assert server.pid == 0
    server.kill()
    server.start()
    assert one(url, "select count(*) from kept") == 0


def test_it_can_be_as_durable_as_for_users() -> None:
    with new_server(is_durable=True, settings={"work_mem": "1MB"}) as server:
        assert one(server.url, "show fsync") == "on"
        assert one(server.url, "show work_mem") == "1MB"
    assert not server.place.exists()


def test_a_server_that_does_not_start_says_why() -> None:
    server = new_server(settings={"shared_buffers": "nonsense"})
    with pytest.raises(postgres.ServerError, match="nonsense"), server:
        pass
    assert not server.place.exists()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """For the program; what it may have left running is stopped."""
    new_server().remove()
    path = tmp_path / "a folder"
    yield path
    run("stop", path)
    assert [*path.glob("*")] == []


def test_the_program_leaves_a_server_running_and_stops_it(folder: Path) -> None:
    url = run("start", folder)
    assert url == (folder / "url").read_text()
    assert one(url) == 1
    assert one((folder / "tcp_url").read_text()) == 1
    place = Path((folder / "place").read_text())
    assert postgres.running_pid(place) == int((folder / "pid").read_text())
    run("stop", folder)
    run("stop", folder)
    assert not place.exists()


def test_the_program_ends_what_an_earlier_run_left(folder: Path) -> None:
    first = run("start", folder)
    second = run("start", folder)
    assert first != second
    with pytest.raises(psycopg.OperationalError):
        one(first)
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    third = run("start", folder)
    assert one(third) == 1


def test_a_served_one_is_gone_with_the_pipe() -> None:
    new_server().remove()
    with subprocess.Popen(
        [sys.executable, SCRIPT, "serve"],
        env={**os.environ, **CHOSEN},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert one(url) == 1
        process.stdin.close()
        assert process.wait(60) == 0
    with pytest.raises(psycopg.OperationalError):
        one(url)


KILLED = """
import os, signal
from tests.support.postgres import PostgresServer
server = PostgresServer()
server.start()
print(server.place, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_leaves_is_gone_with_the_next_server() -> None:
    new_server().remove()
    said = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=ROOT,
        env={**os.environ, **CHOSEN},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert said.returncode == -signal.SIGKILL
    place = Path(said.stdout.strip())
    # Its server ends by itself, in its own time.
    if pid := postgres.running_pid(place):
        assert postgres.wait_gone(pid, 30)
    assert place.exists()
    new_server().remove()
    assert not place.exists()


def test_without_programs_it_says_what_brings_them(tmp_path: Path) -> None:
    with pytest.raises(NoServerError, match="holds no postgres and initdb"):
        find_binaries({"MSGQ_PG_BIN": str(tmp_path)})
    nowhere = {"MSGQ_PG_BIN": str(tmp_path), "CI": ""}
    run("start", tmp_path / "a", status=77, **nowhere)
    assert "holds no postgres" in (tmp_path / "a" / "missing").read_text()
    run("serve", status=77, **nowhere)
    run("start", tmp_path / "a", status=1, **{**nowhere, "CI": "true"})
