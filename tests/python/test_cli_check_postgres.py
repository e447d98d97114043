"""`msgq check` on PostgreSQL: what is well, and each thing that hurts, with the next step."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

import msgq
from msgq._engine import core
from msgq.cli import check_postgres
from msgq.config import resolve
from tests.support.cli import call, ok
from tests.support.postgres import DATABASE, PostgresServer
from tests.support.postgres_fixtures import new_server

WELL = {
    "server_version": "15.4", "database": "shop", "role": "me", "is_standby": "false",
    "default_transaction_read_only": "off", "may_use": "missing", "may_create": "true",
    "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "max_connections": "100",
    "connections": "5", "statement_timeout": "0", "lock_timeout": "0",
    "has_pooler": "false", "sees_all": "true",
    "default_transaction_isolation": "read committed", "missing": "", "oldest_s": "0",
    "oldest_pid": "0", "slot": "", "slot_bytes": "0",
}  # fmt: skip


def findings(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in answer["checks"]}


def test_all_is_well_on_a_server_that_flushes() -> None:
    with new_server(is_durable=True) as server:
        answer = ok("check", "--url", server.url, "--json").json
        assert answer["ok"] is True
        found = findings(answer)
        assert list(found) == [
            "url", "server", "schema", "settings", "connections", "round trip", "disk flush",
            "wake",
        ]  # fmt: skip
        assert "the first use makes the tables" in found["schema"]["detail"]
        assert "fsync=on" in found["settings"]["detail"]
        with msgq.connect(server.url) as client:
            assert client.queues() == []
        again = findings(ok("check", "--url", server.url, "--json").json)
        assert again["schema"]["detail"] == "msgq, version 3"


def test_settings_that_lose_messages_are_named(postgres_url: str) -> None:
    url = f"{postgres_url}&options=-c%20synchronous_commit=off%20-c%20statement_timeout=500"
    answer = call("check", "--url", url, "--json")
    assert answer.status == 1
    wrong = [each for each in answer.json["checks"] if not each["is_well"]]
    assert [each["detail"].partition(":")[0].partition(" ")[0] for each in wrong] == [
        "fsync=off", "full_page_writes=off", "synchronous_commit=off", "statement_timeout=500",
    ]  # fmt: skip
    assert all(each["next_step"] for each in wrong)


def test_a_server_that_is_away_is_one_finding(own_postgres: PostgresServer) -> None:
    url = own_postgres.tcp_url
    own_postgres.stop()
    answer = call("check", "--url", url, "--json")
    assert answer.status == 1
    (_, found) = answer.json["checks"]
    assert "Connection refused" in found["detail"]


@pytest.mark.parametrize(
    ("found", "makes", "is_well", "says"),
    [
        (1, True, True, "version 1"), (0, True, True, "first use makes"),
        (0, False, False, "create_schema is off"), (2, True, False, "knows up to 1"),
    ],
)  # fmt: skip
def test_the_schema(found: int, makes: bool, is_well: bool, says: str) -> None:
    told = check_postgres.schema(WELL, "msgq", found, 1, makes)
    assert told.is_well is is_well
    assert says in told.detail
    assert is_well or told.next_step


def test_a_role_that_may_not_make_the_schema() -> None:
    facts = {**WELL, "may_create": "false"}
    assert not check_postgres.schema(facts, "msgq", 0, 1, True).is_well
    assert check_postgres.schema({**facts, "may_use": "true"}, "msgq", 0, 1, True).is_well


@pytest.mark.parametrize(
    "change", [{"is_standby": "true"}, {"default_transaction_read_only": "on"}]
)
def test_a_server_that_takes_no_writes(change: dict[str, str]) -> None:
    told = check_postgres.server({**WELL, **change})
    assert not told.is_well
    assert "target_session_attrs=read-write" in told.next_step


def test_few_connections_left() -> None:
    few = {**WELL, "connections": "95"}
    assert [each.name for each in check_postgres.settings(few) if not each.is_well] == [
        "connections"
    ]
    assert all(each.is_well for each in check_postgres.settings(WELL))


def test_a_pooler_is_told_and_no_hint_is_waited_for(pooled_url: str) -> None:
    checks = findings(call("check", "--url", pooled_url, "--json").json)
    assert checks["pooler"]["is_well"]
    assert "after 10 s" in checks["pooler"]["detail"]
    assert checks["round trip"]["is_well"]
    assert "wake" not in checks
    assert list(check_postgres.pooler(WELL)) == []


def test_what_was_removed_by_hand_is_named_and_made_anew(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    schema = postgres_url.rpartition("schema=")[2]
    ok("db", "upgrade", "--url", postgres_url)
    assert "objects" not in findings(call("check", "--url", postgres_url, "--json").json)
    postgres_server.execute(f"drop view {schema}.rates")
    postgres_server.execute(f"drop function {schema}.depth(text)")
    postgres_server.execute(f"drop function {schema}.depth()")
    found = findings(call("check", "--url", postgres_url, "--json").json)["objects"]
    assert not found["is_well"]
    assert found["detail"] == "missing in the schema: depth, rates"
    ok("db", "upgrade", "--url", postgres_url)
    assert "objects" not in findings(call("check", "--url", postgres_url, "--json").json)


def facts_of(server: PostgresServer) -> dict[str, str]:
    return dict(core().server_facts(resolve(server.url).core_options()))


def test_old_transactions_and_slots_that_hold_the_log_are_named(
    own_postgres: PostgresServer,
) -> None:
    assert [*check_postgres.held_up(WELL)] == []
    with psycopg.connect(own_postgres.dsn) as old:
        old.execute("set transaction isolation level repeatable read")
        old.execute("select 1 from pg_class")
        own_postgres.execute("select pg_create_physical_replication_slot('forgotten', true)")
        own_postgres.execute("create table written as select generate_series(1, 10000)")
        facts = facts_of(own_postgres)
        assert facts["oldest_pid"] == str(old.info.backend_pid)
    assert facts["slot"] == "forgotten"
    assert int(facts["slot_bytes"]) > 100_000
    told = [*check_postgres.held_up({**facts, "oldest_s": "301", "slot_bytes": str(2 << 30)})]
    assert [each.name for each in told] == ["old transaction", "replication slot"]
    assert not any(each.is_well for each in told)
    assert f"session {facts['oldest_pid']} has held" in told[0].detail
    assert "slot forgotten holds 2048 MB" in told[1].detail


def test_a_role_that_does_not_see_the_sessions_of_others_is_told_so(
    own_postgres: PostgresServer,
) -> None:
    own_postgres.execute("create role blind login")
    url = f"postgresql://blind@127.0.0.1:{own_postgres.port}/{DATABASE}"
    with psycopg.connect(own_postgres.dsn), psycopg.connect(own_postgres.dsn):
        facts = dict(core().server_facts(resolve(url).core_options()))
    assert int(facts["connections"]) >= 3, "all are counted"
    (told,) = check_postgres.held_up(facts)
    assert (told.is_well, "pg_read_all_stats" in told.detail) == (True, True)


@pytest.mark.parametrize(
    "name",
    ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"],
)
def test_a_limit_of_the_role_is_named(own_postgres: PostgresServer, name: str) -> None:
    own_postgres.execute(f"alter role msgq set {name} = '2s'")
    (told,) = [
        each for each in check_postgres.settings({**WELL, **facts_of(own_postgres), "fsync": "on",
                                                  "full_page_writes": "on"})
        if not each.is_well
    ]  # fmt: skip
    assert told.detail.startswith(f"{name}=2000 ms")


def test_another_isolation_level_is_said_and_fine(own_postgres: PostgresServer) -> None:
    own_postgres.execute("alter role msgq set default_transaction_isolation = 'repeatable read'")
    facts = facts_of(own_postgres)
    (told,) = [each for each in check_postgres.settings(facts) if each.name == "isolation"]
    assert told.is_well
    assert "repeatable read" in told.detail
