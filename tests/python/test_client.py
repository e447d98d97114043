"""connect() opens at once and says what is wrong at once."""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

import pytest

import msgq


def test_connect_opens_and_closes() -> None:
    with msgq.connect("memory://", profile="test") as client:
        assert client.is_open
        client.queue("q").enqueue(b"x")
        assert client.queues() == ["q"]
        assert client.dead() == []
    assert not client.is_open


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(msgq.MsgqError, match="file"):
        msgq.connect(f"sqlite:///{tmp_path}/file/q.db")


@pytest.mark.parametrize("content", [b"this is no database\n" * 100, b"x" * 5000])
def test_a_file_that_is_no_store_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "q.db"
    path.write_bytes(content)
    with pytest.raises(msgq.SchemaError, match=r"q\.db"):
        msgq.connect(f"sqlite:///{path}")
    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["q.db"]


def test_somebody_elses_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(msgq.SchemaError, match=r"theirs\.db"):
        msgq.connect(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_threads_open_one_engine() -> None:
    client = msgq.Client("memory://", profile="test")
    barrier = threading.Barrier(8)
    engines: list[object] = []

    def look() -> None:
        barrier.wait()
        engines.append(client._opened())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(map(id, engines))) == 1
    client.close()


def test_the_cores_log_reaches_pythons(caplog: pytest.LogCaptureFixture) -> None:
    with msgq.connect("memory://", profile="test") as client:
        client.stats()
    assert "lost when it ends" in caplog.text


@pytest.mark.parametrize(("said", "level"), [("auto", "WARNING"), ("on", "INFO")])
def test_what_a_pooler_takes_away_is_said_at_start(
    pooled_url: str, caplog: pytest.LogCaptureFixture, said: str, level: str
) -> None:
    with caplog.at_level(logging.INFO, "msgq"), msgq.connect(pooled_url, pgbouncer=said):
        (record,) = (each for each in caplog.records if "a pooler is between" in each.message)
    assert record.levelname == level
    for loss in ("hints are not heard", "10 s instead of 1 s", "not prepared"):
        assert loss in record.message


def test_without_one_nothing_is_said(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "msgq"), msgq.connect(postgres_url):
        assert "pooler" not in caplog.text
