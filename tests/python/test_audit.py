"""client.audit() and `msgq check --deep`: every message is somewhere, and once."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from typing import Any

import pytest

import msgq
from msgq.audit import QueueAudit
from msgq.stats import QueueDepth
from tests.support.cli import command
from tests.support.stores import behind_pooler


def fill(queue: msgq.Queue) -> None:
    """Messages in every state and with every end."""
    queue.enqueue_many([b"%d" % n for n in range(1_200)])
    done, again, dead = queue.claim(3, wait=10)
    done.ack()
    again.retry(3600)
    dead.reject("no")
    queue.claim(2, wait=10)
    off = queue.enqueue(b"off", delay="1h").id
    queue.enqueue(b"later", delay="1h", priority=9)
    assert queue.cancel(off) == 1


@behind_pooler
def test_every_message_is_somewhere(any_app: msgq.App) -> None:
    queue = any_app.queue("q")
    fill(queue)
    any_app.queue("other").enqueue(b"x")
    any_app.queue("other").purge()
    other, found = sorted(any_app.audit(), key=lambda each: each.queue)
    assert (found.live, found.dead, found.ended) == (1_199, 1, 2)
    assert found.is_quiet
    assert found.is_conserved
    assert (other.live, other.ended, other.is_conserved) == (0, 1, True)


@pytest.mark.parametrize(
    ("figures", "live", "dead", "is_conserved"),
    [
        (QueueDepth("q", sent=3, waiting=1, dead=1, done=1), 1, 1, True),
        (QueueDepth("q", sent=3, waiting=1, dead=1, done=1), 2, 1, False),
        (QueueDepth("q", sent=3, waiting=1, dead=1, done=1), 1, 0, False),
        (QueueDepth("q", sent=4, waiting=1, dead=1, done=1), 1, 1, False),
        (QueueDepth("q", sent=9, parked=1, leased=2, expired=1, cancelled=2, purged=2,
                    quarantined=1), 3, 0, True),
    ],
)  # fmt: skip
def test_the_law(figures: QueueDepth, live: int, dead: int, is_conserved: bool) -> None:
    assert QueueAudit("q", figures, live, dead, True).is_conserved is is_conserved


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: whoever opens a store's file closes it for the whole process."""
    return subprocess.run(command("check", *arguments), capture_output=True, text=True, check=False)


def test_the_command_line_finds_what_is_missing(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/q.db"
    with msgq.connect(url) as client:
        fill(client.queue("q"))
    well = check("--deep", "--url", url)
    assert well.returncode == 0, well.stderr
    assert "1,202 sent: 1,199 live, 1 dead, 2 ended" in well.stdout
    with closing(sqlite3.connect(tmp_path / "q.db")) as store:
        store.execute("delete from dead")
        store.commit()
    ill = check("--deep", "--url", url)
    assert ill.returncode == 1
    assert "WRONG" in ill.stdout
    assert "keep a copy" in ill.stdout
    assert check("--url", url).returncode == 0, "it is not counted unless asked for"
