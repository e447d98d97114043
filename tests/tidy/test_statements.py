"""Statements are made of constants."""

from __future__ import annotations

import pytest

from tests.tidy.statements import EXCEPTIONS, joined_statements
from tests.tidy.tree import expect_none, repository


def test_the_repository_joins_no_statement() -> None:
    expect_none(joined_statements(repository()))


def test_every_exception_is_still_needed() -> None:
    tree = repository()
    assert [key for key in EXCEPTIONS if key[1] not in tree.get(key[0], "")] == []
    assert all(EXCEPTIONS.values()), "an exception without a reason"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("cpp/src/transport/postgres/a.cpp", 'work.exec("drop table " + name);'),
        ("cpp/src/transport/postgres/a.cpp", "work.exec(text);"),
        ("cpp/src/transport/postgres/a.cpp", "work.exec(with_schema(text, schema));"),
        ("cpp/src/transport/postgres/a.cpp", "work.exec_params(text, name);"),
        ("cpp/src/transport/postgres/a.cpp", "PQexec(connection, text);"),
        ("python/msgq/a.py", 'cursor.execute(f"select {name}")'),
        ("python/msgq/a.py", 'cursor.execute("select %s" % name)'),
        ("python/msgq/a.py", "cursor.execute(text.format(name))"),
        ("python/msgq/a.py", 'cursor.execute(HEAD + "x")'),
    ],
)
def test_a_joined_statement_is_found(path: str, line: str) -> None:
    assert len(joined_statements({path: f"\n{line}\n"})) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("cpp/src/transport/postgres/a.cpp", "work.exec(sql::postgres::kLock);"),
        ("cpp/src/transport/postgres/a.cpp", "work.exec(with_schema(sql::postgres::kLock, name));"),
        ("cpp/src/transport/postgres/connection.cpp", "PQsendPrepare(c, name, sql, 0, nullptr);"),
        ("python/msgq/a.py", "cursor.execute(statement, values)"),
    ],
)
def test_constants_are_left_alone(path: str, line: str) -> None:
    expect_none(joined_statements({path: f"{line}\n"}))
