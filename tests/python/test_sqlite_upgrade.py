"""A file of version 1 is upgraded when it is opened, with everything that is in it."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

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


def test_everything_is_there_and_what_is_new_works(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as old:
        old.execute("pragma auto_vacuum = incremental")
        old.execute("pragma journal_mode = wal").fetchall()
        old.executescript(VERSION_1.read_text("utf-8"))
        old.executescript(ROWS.replace(":id", f"x'{ID.hex}'"))
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
    with closing(sqlite3.connect(path)) as now:
        assert now.execute("pragma user_version").fetchone() == (2,)
