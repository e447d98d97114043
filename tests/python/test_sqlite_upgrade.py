"""A file of version 1 is upgraded when it is opened, with everything that is in it, and by nobody
while a process of version 1 lives on it."""

from __future__ import annotations

import fcntl
import sqlite3
import struct
import uuid
from contextlib import closing
from pathlib import Path

import pytest

import msgq

VERSION_1 = Path(__file__).parents[2] / "cpp/sql/sqlite/migrations/0001_create.sql"
ID = uuid.UUID("01900000-0000-7000-8000-000000000001")
ROWS = """
insert into queue values (1, 'q');
insert into subscription values (1, 1, '');
insert into lane values (1, 1, 0, 0, 0, 0, 0, 1);
insert into hot (kind, id, sent, leased, parked, done, dead, purged, quarantined)
  values (2, 1, 3, 0, 1, 1, 1, 0, 0);
update hot set tick = 9, directory = 1 where kind = 0;
insert into parked values
  (1, :id, '', 0, '', x'6f6c64', 1, 1, 0, '', 1000, 1, 0, 0, 1000, 1000);
insert into dead values (2, :id, '', 0, '', x'64656164', 5, 5, 0, '', 1000, 1, 1, 'failed', 2000);
pragma application_id = 0x4d534751;
pragma user_version = 1;
"""


JOIN = """insert into process (id, boot_id, host, pid, started_ms, heartbeat_ms)
  values (?, '', 'here', ?, 0, 0)"""
PROCESS, PID = 1 << 50, 4711


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as version 1 left it."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as old:
        old.execute("pragma auto_vacuum = incremental")
        old.execute("pragma journal_mode = wal").fetchall()
        old.executescript(VERSION_1.read_text("utf-8"))
        old.executescript(ROWS.replace(":id", f"x'{ID.hex}'"))
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("pragma user_version").fetchone()[0])


def test_everything_is_there_and_what_is_new_works(path: Path) -> None:
    with msgq.connect(f"sqlite:///{path}") as client:
        queue = client.queue("q")
        depth = queue.depth()
        assert (depth.sent, depth.done, depth.dead, depth.expired, depth.cancelled) == (
            3,
            1,
            1,
            0,
            0,
        )
        queue.enqueue(b"new", priority=9, ttl="1h")
        first, second = queue.claim(wait=10)[0], queue.claim(wait=10)[0]
        assert (first.body, first.priority) == (b"new", 9)
        assert (second.body, second.priority, second.expires_at) == (b"old", 5, None)
        first.ack()
        second.ack()
        assert queue.dead()[0].priority == 5
        assert queue.redrive() == 1
        assert queue.claim(wait=10)[0].body == b"dead"
    assert version(path) == 2


def test_no_upgrade_under_a_living_process(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old, path.with_name("old.db-lock").open("w") as side:
        old.execute(JOIN, (PROCESS, PID))
        old.commit()
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, PROCESS, 1, 0)
        fcntl.fcntl(side, fcntl.F_OFD_SETLK, lock)
        with (
            pytest.raises(msgq.SchemaError, match=f"pid {PID}.*: close them, then open it again"),
            msgq.connect(f"sqlite:///{path}"),
        ):
            pass
        assert version(path) == 1
    with msgq.connect(f"sqlite:///{path}") as client:  # its lock is gone, as when it is killed
        assert client.queue("q").depth().sent == 3
    assert version(path) == 2


def test_who_looked_just_before_the_upgrade_joins_no_more(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        old.execute("select * from process").fetchall()
        with msgq.connect(f"sqlite:///{path}"):
            pass
        with pytest.raises(sqlite3.IntegrityError, match="upgraded by a newer msgq"):
            old.execute(JOIN, (PROCESS, PID))
