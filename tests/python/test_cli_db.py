"""`msgq db`."""

import pytest

import msgq
from tests.support.cli import call, ok
from tests.support.postgres import PostgresServer


def schema_of(url: str) -> str:
    return url.rpartition("schema=")[2]


def relations(server: PostgresServer, schema: str) -> set[str]:
    rows = server.execute(
        "select c.relname::text from pg_class c where c.relnamespace = %s::regnamespace"
        " union select p.oid::regprocedure::text from pg_proc p"
        " where p.pronamespace = %s::regnamespace",
        schema, schema,
    )  # fmt: skip
    return {name for (name,) in rows}


def test_status_upgrade_and_back(postgres_server: PostgresServer, postgres_url: str) -> None:
    schema, here = schema_of(postgres_url), ("--url", postgres_url)
    answer = call("db", "status", *here)
    assert (answer.status, answer.out) == (
        1, f"schema {schema} has version 0 of 3: msgq db upgrade\n",
    )  # fmt: skip
    assert ok("db", "upgrade", *here).out == f"schema {schema}: version 0 became 3\n"
    assert ok("db", "upgrade", *here).out == f"schema {schema} has version 3 already\n"
    assert ok("db", "status", *here, "--json").json == {
        "schema": schema, "version": 3, "wanted": 3,
    }  # fmt: skip
    with msgq.connect(postgres_url, create_schema=False) as client:
        client.queue("q").enqueue(b"x")
        refused = call("db", "downgrade", "--to", 0, "--yes", *here)
        assert refused.status == 5
        assert "1 processes use schema" in refused.err
    ok("db", "downgrade", "--to", 0, "--yes", *here)
    rows = postgres_server.execute("select to_regnamespace(%s) is null", schema)
    assert rows == [(True,)]


def test_downgrade_leaves_what_is_not_ours(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    schema, here = schema_of(postgres_url), ("--url", postgres_url)
    ok("db", "upgrade", *here)
    postgres_server.execute(f"create table {schema}.mine (id int)")
    postgres_server.execute(f"create function {schema}.own() returns int return 1")
    ok("db", "downgrade", "--to", 0, "--yes", *here)
    assert relations(postgres_server, schema) == {"mine", f"{schema}.own()"}
    ok("db", "upgrade", *here)


def test_downgrade_asks_first_and_knows_its_ways(postgres_url: str) -> None:
    ok("db", "upgrade", "--url", postgres_url)
    assert call("db", "downgrade", "--to", 0, "--url", postgres_url).status == 2
    assert "7 is not behind that" in call(
        "db", "downgrade", "--to", 7, "--yes", "--url", postgres_url
    ).err  # fmt: skip
    assert ok("db", "downgrade", "--to", 3, "--url", postgres_url, "--json").json["after"] == 3


def test_the_printed_statements_make_what_upgrade_makes(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    schema = schema_of(postgres_url)
    text = ok("db", "sql", "--url", postgres_url).out
    assert ok("db", "sql", "--url", postgres_url, "--json").json["sql"].rstrip() == text.rstrip()
    postgres_server.execute(text)
    by_hand = relations(postgres_server, schema)
    with msgq.connect(postgres_url, create_schema=False) as client:
        assert client.queue("q").enqueue(b"x").status == "persisted"
    ok("db", "downgrade", "--to", 0, "--yes", "--url", postgres_url)
    ok("db", "upgrade", "--url", postgres_url)
    assert by_hand == relations(postgres_server, schema)
    assert len(by_hand) > 60


def test_sql_asks_no_server_and_names_the_schema() -> None:
    text = ok("db", "sql", "--url", "postgresql://nowhere.invalid/x?schema=jobs").out
    assert "create schema jobs;" in text
    assert ":schema" not in text


@pytest.mark.parametrize("verb", [["status"], ["upgrade"], ["downgrade", "--to", "0"], ["sql"]])
@pytest.mark.parametrize("url", ["sqlite:///store.db", "memory://"])
def test_other_stores_have_no_schema(verb: list[str], url: str) -> None:
    answer = call("db", *verb, "--url", url)
    assert answer.status == 8
    assert "has no schema in a database" in answer.err


@pytest.mark.parametrize("looking", [["queues"], ["stats"], ["dead", "list"], ["purge", "q"]])
def test_looking_makes_no_tables(
    looking: list[str], postgres_server: PostgresServer, postgres_url: str
) -> None:
    answer = call(*looking, "--url", postgres_url)
    assert answer.status == 5
    assert "version 0 of 3" in answer.err
    assert "msgq db upgrade" in answer.err
    rows = postgres_server.execute("select to_regnamespace(%s) is null", schema_of(postgres_url))
    assert rows == [(True,)]


def test_all_of_it_works_behind_a_pooler(pooled_url: str) -> None:
    here = ("--url", pooled_url)
    assert call("db", "status", *here).status == 1
    ok("db", "upgrade", *here)
    ok("db", "status", *here)
    with msgq.connect(pooled_url, create_schema=False) as client:
        client.queue("q").enqueue(b"x")
        refused = call("db", "downgrade", "--to", 0, "--yes", *here)
        assert "1 processes use schema" in refused.err
    ok("db", "downgrade", "--to", 0, "--yes", *here)
    assert call("db", "status", *here).status == 1
