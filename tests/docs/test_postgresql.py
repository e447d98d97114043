"""Every statement of docs/postgresql.md is run, in its order, by the role that needs it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

import msgq
from tests.support.cli import ok
from tests.support.postgres import DATABASE, PostgresServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "postgresql.md"
BLOCKS = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def url_as(server: PostgresServer, role: str) -> str:
    return server.tcp_url.replace("//msgq@", f"//{role}@").removesuffix(DATABASE) + "shop"


@pytest.fixture
def shop(own_postgres: PostgresServer) -> PostgresServer:
    own_postgres.execute("create database shop")
    return own_postgres


def rows_of(connection: psycopg.Connection[tuple[object, ...]], block: str) -> int:
    """Runs a block and gives how many rows a statement of it answered at most, -1 for none."""
    cursor = connection.execute(block.encode())
    counts = [len(cursor.fetchall()) if cursor.description else -1]
    while cursor.nextset():
        counts.append(len(cursor.fetchall()) if cursor.description else -1)
    return max(counts)


def test_every_statement_runs(shop: PostgresServer) -> None:
    roles, grants, *rest = BLOCKS
    admin = psycopg.connect(url_as(shop, "msgq"), autocommit=True)
    rows_of(admin, roles)
    owner, app = url_as(shop, "shop_owner"), url_as(shop, "shop_app")
    ok("db", "upgrade", "--url", owner)
    with psycopg.connect(owner) as connection:
        rows_of(connection, grants)

    with msgq.connect(app, create_schema=False, profile="test") as client:
        queue = client.queue("emails")
        queue.enqueue_many([b"1", b"2", b"3"])
        queue.enqueue(b"later", delay="1h")
        first, second, _ = queue.claim(3, wait=5)
        first.reject("no such address")
        second.ack()
        answers = {block: rows_of(admin, block) for block in rest}
        damaged = next(block for block in rest if "quarantine;" in block)
        assert answers.pop(damaged) == 0
        assert all(count != 0 for count in answers.values())
    admin.close()


def test_a_process_holds_no_more_connections_than_the_page_says(shop: PostgresServer) -> None:
    with msgq.App(url_as(shop, "msgq"), profile="test") as app:

        @app.handler(queue="q", name="h")
        def handler(n: int) -> None: ...

        handler.enqueue_many(list(range(100)))
        with app.worker() as worker:
            worker.run_until_idle(20)
            app.stats()
            (held,) = shop.execute(
                "select count(*) from pg_stat_activity where application_name like 'msgq %'"
            )
    assert 1 <= held[0] <= 5
    (left,) = shop.execute(
        "select count(*) from pg_stat_activity where application_name like 'msgq writer'"
    )
    assert left[0] == 0


def test_every_handler_of_the_page_acts_once(shop: PostgresServer) -> None:
    url = url_as(shop, "msgq")
    text = PAGE.read_text("utf-8")
    blocks = re.findall(r"^```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    with psycopg.connect(url) as conn:
        for table, kind in {"charges": "int", "refunds": "int", "returned": "text"}.items():
            conn.execute(f"create table {table} (what {kind})".encode())
    with msgq.App(url, profile="test") as app:

        @app.handler(queue="emails")
        def send_email(to: str, subject: str) -> None: ...

        app.queue("returns").enqueue(b"7")
        names: dict[str, Any] = {
            "app": app,
            "msgq": msgq,
            "psycopg": psycopg,
            "DSN": url,
            "send_email": send_email,
        }
        for block in blocks:
            exec(block, names)
        for handler in ("charge", "refund"):
            names[handler].enqueue(7)
        once = {"emails": 1, "orders": 1, "refunds": 1, "returns": 1}
        done: dict[str, int] = {}
        deadline = time.monotonic() + 20
        with app.worker():
            while done != once and time.monotonic() < deadline:
                done = {each.queue: each.done for each in app.stats().depth}
    assert done == once
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "select what::text from charges union all select what::text from refunds "
            "union all select what from returned"
        ).fetchall()
    assert rows == [("7",)] * 3
