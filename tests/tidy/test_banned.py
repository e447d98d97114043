"""What no source may say is not said."""

from __future__ import annotations

import pytest

from tests.tidy.banned import (
    EXCEPTIONS,
    banned_things,
    not_ascii,
    open_ends,
    sql_outside_its_room,
)
from tests.tidy.tree import expect_none, repository


def test_the_repository_says_nothing_banned() -> None:
    expect_none(banned_things(repository()))


def test_the_repository_keeps_sql_in_its_room() -> None:
    expect_none(sql_outside_its_room(repository()))


def test_the_repository_has_no_open_ends() -> None:
    expect_none(open_ends(repository()))


def test_the_repository_is_ascii() -> None:
    expect_none(not_ascii(repository()))


def test_every_exception_is_still_needed() -> None:
    tree = repository()
    assert [key for key in EXCEPTIONS if key[1] not in tree.get(key[0], "")] == []
    assert all(EXCEPTIONS.values()), "an exception without a reason"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("cpp/src/lease/a.cpp", "std::mutex mutex_;"),
        ("cpp/src/lease/a.cpp", "std::lock_guard<Mutex> lock(m);"),
        ("cpp/src/lease/a.cpp", "std::cout << 1;"),
        ("cpp/bindings/a.cpp", 'printf("x");'),
        ("cpp/src/lease/a.cpp", "assert(x);"),
        ("tests/cpp/lease/a_test.cpp", "std::this_thread::sleep_for(1ms);"),
        ("cpp/src/lease/a.cpp", "auto t = std::chrono::steady_clock::now();"),
        ("cpp/src/lease/a.cpp", "std::thread t(run);"),
        ("cpp/src/lease/a.cpp", "std::random_device seed;"),
        ("cpp/src/lease/a.cpp", "struct Job {};"),
        ("tests/cpp/lease/a_test.cpp", "GTEST_SKIP();"),
        ("python/msgq/a.py", "now = time.time()"),
        ("python/msgq/a.py", "import pickle"),
        ("python/msgq/a.py", "url = os.environ['MSGQ_URL']"),
        ("tests/python/test_a.py", "time.sleep(1)"),
        ("tests/python/test_a.py", "await asyncio.sleep(0.1)"),
        ("tests/python/test_a.py", "@pytest.mark.skip"),
    ],
)
def test_a_banned_thing_is_found(path: str, line: str) -> None:
    assert len(banned_things({path: f"\n{line}\n"})) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("cpp/src/base/mutex.h", "std::mutex mutex_;"),
        ("cpp/src/lease/a.cpp", "static_assert(x);"),
        ("cpp/src/lease/a.cpp", "// never std::mutex"),
        ("cpp/src/lease/a.cpp", 'fail("no assert(x) here");'),
        ("cpp/src/lease/a.cpp", "std::this_thread::yield();"),
        ("python/msgq/a.py", '"""Not time.time()."""'),
        ("tests/python/test_a.py", "await asyncio.sleep(0)"),
    ],
)
def test_other_things_are_left_alone(path: str, line: str) -> None:
    expect_none(banned_things({path: f"{line}\n"}))


def test_sql_out_of_its_room_is_found() -> None:
    cpp = 'run("SELECT 1 FROM t");\n// SELECT 1 FROM t\n'
    python = 'x.execute("PRAGMA wal_checkpoint")\n'
    tree = {"cpp/src/transport/a.cpp": cpp, "python/msgq/a.py": python, "tests/a.py": python}
    assert [line.split(":")[0] for line in sql_outside_its_room(tree)] == [
        "cpp/src/transport/a.cpp",
        "python/msgq/a.py",
    ]


def test_an_open_end_is_found() -> None:
    text = "// FIXME\n// TODO: later\n// TODO(#12): when brokers come\n"
    assert len(open_ends({"cpp/src/a.cpp": text})) == 2


def test_a_character_outside_ascii_is_found() -> None:
    assert len(not_ascii({"cpp/src/a.cpp": "// caf\u00e9\n", "docs/a.md": "caf\u00e9"})) == 1
