"""The examples of guides/transactions.md, in order, on a server of the tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgq
from tests.support.drivers import dsn

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "transactions.md"


def test_the_page_runs_and_each_mail_is_there_once(postgres_url: str) -> None:
    names: dict[str, Any] = {"URL": postgres_url, "DSN": dsn(postgres_url)}
    blocks = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    try:
        for block in blocks:
            exec(block, names)
        mails = names["app"].queue("mails")
        found: list[msgq.Delivery] = []
        while len(found) < 2:
            more = mails.claim(10, wait=10)
            assert more
            found += more
        assert mails.depth().sent == 2
    finally:
        names["app"].close(5)
        with names["psycopg"].connect(names["DSN"]) as conn:
            conn.execute("drop table if exists orders")
