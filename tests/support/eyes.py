"""Somebody who reads a PostgreSQL store with SQL, and counts what the server reads for it."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.support.postgres import PostgresServer

Rows = list[dict[str, Any]]


def schema_of(url: str) -> str:
    """The schema's name of a URL made by the fixture `postgres_url`."""
    return url.rpartition("schema=")[2]


class Eyes:
    """A user of the database whose search path is the schema. One thread."""

    def __init__(self, server: PostgresServer, schema: str) -> None:
        self.connection = psycopg.connect(server.dsn, autocommit=True, row_factory=dict_row)
        self.connection.execute(f"set search_path = {schema}".encode())

    def read(self, sql: str, *parameters: object) -> Rows:
        """The rows of a statement; none when it has none."""
        cursor = self.connection.execute(sql.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def buffers(self, sql: str) -> int:
        """How many pages the server touches for it, once it knows the catalog."""
        for _ in range(2):
            (row,) = self.read("explain (analyze, buffers, format json) " + sql)
        plan = row["QUERY PLAN"][0]["Plan"]
        return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
