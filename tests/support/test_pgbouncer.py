"""The pooler of the tests starts before their server, pools by transaction, and leaves nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg

from tests.support import pgbouncer
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresServer
from tests.support.postgres_fixtures import new_pooler

SCRIPT = Path(pgbouncer.__file__)


def run(*arguments: object) -> str:
    said = subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip()


def backend(dsn: str) -> tuple[int, int]:
    """The number of the backend as the client knows it, and as the server does."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select pg_backend_pid()").fetchone()
        assert row is not None
        return connection.info.backend_pid, int(row[0])


def test_it_hides_the_backend(pooler: PgBouncer, postgres_server: PostgresServer) -> None:
    known, real = backend(pooler.dsn)
    assert known != real
    known, real = backend(postgres_server.dsn)
    assert known == real


def test_two_transactions_share_a_session(own_postgres: PostgresServer) -> None:
    with (
        new_pooler(own_postgres, pool_size=1) as pooler,
        psycopg.connect(pooler.dsn) as one,
        psycopg.connect(pooler.dsn) as other,
    ):
        found = set()
        for connection in (one, other):
            found |= {connection.execute("select pg_backend_pid()").fetchone()}
            connection.commit()
        assert len(found) == 1
        (pool,) = [row for row in pooler.show("POOLS") if row["database"] == "msgq"]
        assert pool["pool_mode"] == "transaction"


def test_the_program_starts_and_stops_one(postgres_server: PostgresServer, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(postgres_server.url)
    url = run("start", tmp_path)
    assert (tmp_path / "pooled_url").read_text() == url
    place = Path((tmp_path / "pooler_place").read_text())
    with psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    run("stop", tmp_path)
    assert not place.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["url"]
    run("stop", tmp_path)
