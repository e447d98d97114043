"""I9: a store that was closed is closed, also while somebody still holds its client."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

import msgq

URL = "sqlite:///q.db"
FAULT = "fault: the engine's files stay open until its last reference goes, not until close()"


def open_files() -> list[str]:
    """The files of the store that this process has open."""
    found = [Path(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    names = [os.readlink(each) for each in found if each.is_symlink()]
    return [name for name in names if "q.db" in name]


def look() -> None:
    """In a child: opens the store by itself."""
    with msgq.connect(URL, profile="test") as client:
        assert client.queue("q").depth().waiting == 1


@pytest.mark.xfail(strict=True, raises=AssertionError, reason=FAULT)
def test_a_closed_client_holds_no_file() -> None:
    client = msgq.connect(URL, profile="test")
    client.queue("q").enqueue(b"x")
    client.close()
    assert open_files() == []


@pytest.mark.xfail(strict=True, raises=AssertionError, reason=FAULT)
def test_a_fork_opens_what_its_parent_has_closed() -> None:
    client = msgq.connect(URL, profile="test")
    client.queue("q").enqueue(b"x")
    client.close()
    child = multiprocessing.get_context("fork").Process(target=look)
    child.start()
    child.join(30)
    assert child.exitcode == 0
