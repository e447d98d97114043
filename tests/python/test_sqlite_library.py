"""Two SQLite libraries in one process are told apart; no store is opened beside the other."""

import ctypes
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import msgq
from msgq import _sqlite_library as library
from msgq._engine import core
from tests.support.cli import environment


def test_this_interpreter_shares_its_library() -> None:
    assert sqlite3.sqlite_version
    assert library.is_same(core().sqlite_library(), library.interpreter_library())
    library.refuse_second_library(core().sqlite_library())
    with msgq.connect("sqlite:///store.db") as client:
        client.queue("q").enqueue(1)


def test_a_store_is_not_opened_beside_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "interpreter_library", lambda: "/opt/python/libsqlite3.so.0")
    with pytest.raises(msgq.StoreRejectedError, match="two SQLite libraries") as caught:
        msgq.connect("sqlite:///store.db")
    assert "/opt/python/libsqlite3.so.0" in str(caught.value)
    assert list(Path.cwd().iterdir()) == []
    msgq.connect("memory://").close()


def test_a_core_without_sqlite_has_no_second_library() -> None:
    assert sqlite3.sqlite_version
    library.refuse_second_library("")  # the core itself says then that it lacks the transport


def test_opening_looks_only_where_sqlite3_is() -> None:
    script = (
        "import sys, msgq\n"
        "msgq.connect('sqlite:///store.db').close()\n"
        "print([name for name in ('sqlite3', '_sqlite3', 'ctypes') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_mapped_file(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "1000-2000 r-xp 00000000 08:01 1 /usr/lib/a b.so\n2000-3000 rw-p 00000000 00:00 0\n"
    )
    assert library.mapped_file(0x1FFF, maps) == "/usr/lib/a b.so"
    assert library.mapped_file(0x2000, maps) == ""
    assert library.mapped_file(0x3000, maps) == ""
    assert library.mapped_file(0x1000, tmp_path / "missing") == ""
    here = ctypes.cast(ctypes.CDLL(None).malloc, ctypes.c_void_p).value
    assert "/" in library.mapped_file(here or 0)


def test_names_of_files_that_are_not_there_are_compared_as_text() -> None:
    assert library.is_same("/no/such", "/no/such")
    assert not library.is_same("/no/such", "/no/other")
