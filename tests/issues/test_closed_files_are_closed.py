"""I9: a store that was closed is closed, also while somebody still holds its client."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgq
from tests.support.stores import over_stores

URL = "sqlite:///q.db"


def open_files() -> list[str]:
    """The files of the store that this process has open."""
    found = [Path(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    names = [os.readlink(each) for each in found if each.is_symlink()]
    return [name for name in names if "q.db" in name]


def look() -> None:
    """In a child: opens the store by itself."""
    with msgq.connect(URL, profile="test") as client:
        assert client.queue("q").depth().waiting == 1


def test_a_closed_client_holds_no_file() -> None:
    client = msgq.connect(URL, profile="test")
    client.queue("q").enqueue(b"x")
    client.close()
    assert open_files() == []


def test_a_fork_opens_what_its_parent_has_closed() -> None:
    client = msgq.connect(URL, profile="test")
    client.queue("q").enqueue(b"x")
    client.close()
    child = multiprocessing.get_context("fork").Process(target=look)
    child.start()
    child.join(30)
    assert child.exitcode == 0


@over_stores
def test_who_looks_meanwhile_is_answered_or_told(url: str) -> None:
    client = msgq.connect(url, profile="test")
    queue = client.queue("q")
    queue.enqueue(b"x")
    looked = threading.Barrier(4)

    def look_on() -> str:
        for n in itertools.count():
            try:
                assert queue.depth().waiting == 1
            except msgq.ClosedError as error:
                return error.code
            if n == 0:
                looked.wait(30)
        raise AssertionError

    with ThreadPoolExecutor(3) as pool:
        told = [pool.submit(look_on) for _ in range(3)]
        looked.wait(30)
        assert client.close()
        assert {each.result(30) for each in told} == {"Closed"}
    assert open_files() == []
