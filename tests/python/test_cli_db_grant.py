"""S10, `msgq db grant`: each role can do its work, and nothing that is not its work."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

import msgq
from msgq.testing import run_until_idle
from tests.support.cli import call, ok
from tests.support.postgres import DATABASE, PostgresServer

DENIED = psycopg.errors.InsufficientPrivilege
Connect = Callable[[str], psycopg.Connection[tuple[object, ...]]]
_numbers = itertools.count(1)
HOSTILE = (
    'Robert"; drop table block; --', "o'brien", "$$; drop schema msgq; $$", "select", "public ",
    "-- x", "a,b", "{a}", 'back\\slash"', "\u202eevil", "x" * 63,
)  # fmt: skip


class Place:
    """A schema of its own, and roles that are gone with it."""

    def __init__(self, server: PostgresServer, url: str) -> None:
        self.server, self.url = server, url
        self.schema = url.rpartition("schema=")[2]
        self.roles: list[str] = []

    def role(self, name: str = "") -> str:
        name = name or f"role_{next(_numbers)}"
        self.roles.append(name)
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            made = sql.SQL("create role {} login nosuperuser").format(sql.Identifier(name))
            connection.execute(made)
        return name

    def url_as(self, role: str) -> str:
        url = self.server.tcp_url.replace("//msgq@", f"//{role}@")
        return f"{url}?schema={self.schema}&create_schema=false"

    @contextlib.contextmanager
    def session(self, role: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        with psycopg.connect(
            host="127.0.0.1", port=self.server.port, dbname=DATABASE, user=role, autocommit=True
        ) as connection:
            connection.execute(f"set search_path = {self.schema}".encode())
            yield connection

    def remove(self) -> None:
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            for role in self.roles:
                for text in ("drop owned by {}", "drop role {}"):
                    connection.execute(sql.SQL(text).format(sql.Identifier(role)))


@pytest.fixture
def place(postgres_server: PostgresServer, postgres_url: str) -> Iterator[Place]:
    ok("db", "upgrade", "--url", postgres_url)
    place = Place(postgres_server, postgres_url)
    yield place
    place.remove()


def refused(place: Place, role: str, *statements: str) -> None:
    with place.session(role) as session:
        for statement in statements:
            with pytest.raises(DENIED):
                session.execute(statement.encode())


DDL = (
    "create table mine (n int)", "create table public.mine (n int)", "drop table block",
    "alter table block add column x int", "create function f() returns int return 1",
    "drop view messages", "truncate block", "create index on block (n)",
)  # fmt: skip
CHANGES = (
    "insert into block select * from block", "update claim set state = 2", "delete from block",
    "delete from claim", "update totals set done = 0", "update meta set version = 9",
    "insert into outbox (queue, id, handler, content, headers, body, at)"
    " values ('q', gen_random_uuid(), '', 0, '', '', now())",
    "delete from process", "delete from owner", "delete from flushed", "select nextval('seq')",
)  # fmt: skip


def test_a_producer_sends_and_nothing_else(place: Place) -> None:
    producer = place.role()
    ok("db", "grant", "--producer", producer, "--url", place.url)
    with msgq.connect(place.url_as(producer), profile="test") as client:
        queue = client.queue("q")
        assert queue.enqueue(b"secret").status == "persisted"
        queue.enqueue_many([b"1", b"2"])
        queue.enqueue(b"later", delay="1h")
        with place.session(producer) as session, session.transaction():
            queue.enqueue(b"ours", conn=session)
        with pytest.raises(msgq.StoreRejectedError, match="permission denied"):
            queue.claim(1, wait=1)
        assert queue.enqueue(b"still").status == "persisted"
    with place.session(producer) as session:
        session.execute(b"select enqueue('q', 'text'::text), enqueue('q', '{}'::jsonb)")
    refused(
        place, producer, *DDL, *CHANGES, "select * from messages", "select frames from block",
        "select body from outbox", "select * from dead", "select * from depth()",
        "select * from read_frames(1, 1)", "select promote(1, 1, 1, true)", "select purge(1)",
        "select delete_queue(1)", "select * from leases", "select owner from claim",
        "select lapse_expired('{1}', '{1}', '{1}')", "select id from owner",
    )  # fmt: skip
    with msgq.connect(place.url, profile="test") as client:
        found = {each.body for each in client.queue("q").claim(7, wait=20)}
        while len(found) < 7:
            found |= {each.body for each in client.queue("q").claim(7, wait=20)}
        assert found == {b"secret", b"1", b"2", b"ours", b"still", b"text", b"{}"}


def test_a_producer_runs_no_worker(place: Place) -> None:
    producer = place.role()
    ok("db", "grant", "--producer", producer, "--url", place.url)
    app = msgq.App(place.url_as(producer), profile="test")

    @app.handler(queue="q")
    def handler(n: int) -> None: ...

    with app:
        with pytest.raises(msgq.StoreRejectedError, match="permission denied"):
            run_until_idle(app, timeout=20)
        assert handler.enqueue(1).status == "persisted"


def test_a_producer_ends_no_process_but_its_own(place: Place) -> None:
    producer = place.role()
    ok("db", "grant", "--producer", producer, "--url", place.url)
    with msgq.connect(place.url, profile="test") as client:
        client.queue("q").enqueue(b"x")
        (held,) = client.queue("q").claim(1, wait=5)
        with place.session(producer) as session:
            session.execute(b"select leave_process(id) from generate_series(1, 50) as id")
        held.ack()


def test_what_a_producer_calls_looks_for_nothing_in_schemas_of_others(place: Place) -> None:
    producer = place.role()
    ok("db", "grant", "--producer", producer, "--url", place.url)
    ((found,),) = place.server.execute(
        "select array_agg(distinct proname::text) from pg_proc"
        " where pronamespace = %s::regnamespace and prosecdef"
        " and not proconfig @> '{\"search_path=pg_catalog, pg_temp\"}'",
        place.schema,
    )
    assert found is None
    ((senders,),) = place.server.execute(
        "select count(*) from pg_proc where pronamespace = %s::regnamespace and prosecdef",
        place.schema,
    )
    assert senders >= 17


def test_a_producer_lives_on_beside_its_chores(place: Place) -> None:
    producer = place.role()
    ok("db", "grant", "--producer", producer, "--url", place.url)
    with msgq.connect(place.url_as(producer), profile="test") as client:
        began = client.stats(with_depth=False).taken_at
        while client.stats(with_depth=False).taken_at < began + 1.5:  # chores come each 0.4 s
            client.queue("q").enqueue(b"x")
        assert client.queue("q").enqueue(b"last").status == "persisted"


def test_functions_replaced_by_hand_need_a_grant_again(place: Place) -> None:
    producer = place.role()
    ok("db", "grant", "--producer", producer, "--url", place.url)
    text = ok("db", "sql", "--url", place.url).out
    migrated = text.rindex("create table ")
    functions = text[text.index("create or replace function", migrated) :]
    functions = functions.rpartition("insert into")[0]
    place.server.execute(functions)  # as an upgrade replaces them, without its last step
    with pytest.raises(msgq.StoreError):
        msgq.connect(place.url_as(producer), profile="test").queues()
    ok("db", "grant", "--producer", producer, "--url", place.url)
    with msgq.connect(place.url_as(producer), profile="test") as client:
        client.queue("q").enqueue(b"x")


def test_a_worker_does_all_that_workers_do_without_ddl(place: Place) -> None:
    worker = place.role()
    ok("db", "grant", "--worker", worker, "--url", place.url)
    done: list[int] = []
    with msgq.App(place.url_as(worker), profile="test") as app:

        @app.handler(queue="q", name="h", retry=msgq.RetryPolicy(max_attempts=3, base=0))
        def handler(n: int) -> None:
            if n == 7 and n not in failed:
                failed.append(n)
                raise RuntimeError("once")
            done.append(n)

        failed: list[int] = []
        handler.enqueue_many(list(range(20)))
        handler.using(delay="10ms").enqueue(99)
        with place.session(worker) as session, session.transaction():
            handler.using(conn=session).enqueue(100)
        with app.worker() as running:
            while 100 not in done or 99 not in done:
                running.run_until_idle(20)
    assert sorted(done) == [*range(20), 99, 100]
    with msgq.connect(place.url_as(worker), profile="test") as client:
        queue = client.queue("other")
        queue.enqueue_many([b"a", b"b", b"c"])
        first, second, third = queue.claim(3, wait=5)
        first.extend("10s")
        first.reject("no")
        second.snooze("1h")
        third.ack()
        assert queue.depth().dead == 1
        assert [each.body for each in queue.dead()] == [b"a"]
        assert queue.redrive() == 1
        assert queue.purge() == 2
        queue.delete()
    refused(place, worker, *DDL, "update meta set version = 9")


def test_a_viewer_reads_and_changes_nothing(place: Place) -> None:
    viewer = place.role()
    with msgq.connect(place.url, profile="test") as client:
        client.queue("q").enqueue(b"x")
        ok("db", "grant", "--viewer", viewer, "--url", place.url)
        with place.session(viewer) as session:
            for view in ("messages", "queues", "leases", "dead", "rates", "depth('q')", "depth()"):
                session.execute(f"select * from {view}".encode())
            assert session.execute(b"select waiting from depth('q')").fetchone() == (1,)
        refused(
            place, viewer, *DDL, *CHANGES, "select enqueue('q', ''::bytea)", "select purge(1)",
            "select clear_away(0)", "select join_process('x', 1, true)",
        )  # fmt: skip
    producer = place.role()
    ok("db", "grant", "--producer", producer, "--url", place.url)
    refused(
        place, viewer, "select enqueue('q', ''::bytea)", "select join_process('x', 1, true)",
        "select open_queue('x', 0, 0)",
    )  # fmt: skip


def test_sql_is_printed_and_not_run(place: Place) -> None:
    roles = {kind: place.role() for kind in ("producer", "worker", "viewer")}
    named = [word for kind, role in roles.items() for word in (f"--{kind}", role)]
    printed = ok("db", "grant", *named, "--sql", "--url", place.url).out
    refused(place, roles["viewer"], f"select * from {place.schema}.queues")
    assert ok("db", "grant", *named, "--sql", "--json", "--url", place.url).json["sql"] == [
        line.removesuffix(";") for line in printed.splitlines()
    ]
    place.server.execute(printed)
    with place.session(roles["viewer"]) as session:
        session.execute(b"select * from queues")
    assert f"role {roles['worker']} is a worker" in ok(
        "db", "grant", *named, "--url", place.url
    ).out  # fmt: skip


def test_hostile_names_of_roles_are_names(place: Place) -> None:
    for name in HOSTILE:
        place.role(name)
        for kind in ("producer", "worker", "viewer"):
            ok("db", "grant", f"--{kind}", name, "--url", place.url)
    granted = place.server.execute(
        "select count(distinct grantee) from information_schema.role_table_grants"
        " where table_schema = %s and table_name = 'block' and grantee = any (%s)",
        place.schema, list(HOSTILE),
    )  # fmt: skip
    assert granted == [(len(HOSTILE),)]
    assert place.server.execute(f"select count(*) from {place.schema}.block") == [(0,)]


def test_a_role_that_is_not_there_is_named_and_nothing_is_granted(place: Place) -> None:
    there = place.role()
    answer = call("db", "grant", "--viewer", there, "--worker", "nobody_here", "--url", place.url)
    assert answer.status != 0
    assert "nobody_here" in answer.err
    refused(place, there, f"select * from {place.schema}.queues")
    assert call("db", "grant", "--url", place.url).status == 2
    assert call("db", "grant", "--viewer", "", "--url", place.url).status == 2
