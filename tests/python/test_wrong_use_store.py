"""Wrong stores and settings: a typed error says what, where and what next; nothing is left."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import msgq

KNOWN = r"unknown scheme 'kafka' in kafka://host; known: memory://, sync://, sqlite://"


def names_here() -> list[str]:
    return sorted(each.name for each in Path.cwd().iterdir())


@pytest.mark.parametrize("give", [msgq.App, msgq.connect])
def test_an_unknown_url_scheme_lists_the_known_ones(give: Callable[[str], Any]) -> None:
    with pytest.raises(msgq.ConfigError, match=KNOWN):
        give("kafka://host")


@pytest.mark.parametrize("give", [msgq.App, msgq.connect])
def test_what_is_no_text_is_no_url(give: Callable[[Any], Any]) -> None:
    for wrong in (Path("q.db"), 5, b"sqlite:///q.db"):
        with pytest.raises(msgq.ConfigError, match=r"a URL is text, not .*; a file is sqlite:///"):
            give(wrong)


@pytest.mark.parametrize(
    ("url", "meant"), [("postgress://h/d", "postgresql"), ("sqllite:///q.db", "sqlite")]
)
def test_a_scheme_with_a_typing_error_is_told_the_nearest(url: str, meant: str) -> None:
    with pytest.raises(msgq.ConfigError, match=f"did you mean {meant}://"):
        msgq.App(url)


def test_an_unknown_url_scheme_of_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MSGQ_URL", "kafka://host")
    with pytest.raises(msgq.ConfigError, match=KNOWN):
        msgq.connect()
    monkeypatch.delenv("MSGQ_URL")
    Path("msgq.toml").write_text('url = "kafka://host"\n')
    with pytest.raises(msgq.ConfigError, match=KNOWN):
        msgq.connect()
    assert names_here() == ["msgq.toml"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("missing/q.db", r"missing/q.db .* directory missing: No such file.*; make it first"),
        ("file/q.db", r"file/q.db .* file is no directory; give another path"),
        ("folder", r"folder .* no plain file; give another path"),
        ("loop/q.db", r"loop/q.db .* symbolic links; make it first"),
        ("x" * 300, r"xxx .* File name too long; give another path"),
        ("/dev/null", r"/dev/null .* no plain file; give another path"),
        ("/proc/q.db", r"cannot use /proc/q.db-lock: .*; the store needs it .* writable"),
    ],
)
def test_a_path_that_cannot_be_written(path: str, why: str) -> None:
    Path("file").write_text("mine")
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    with pytest.raises(msgq.StoreRejectedError, match=why):
        msgq.connect(f"sqlite:///{path}")
    assert names_here() == ["file", "folder", "loop"]
    assert Path("file").read_text() == "mine"
    assert list(Path("folder").iterdir()) == []


def no_database(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def a_header_alone(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(5000))


def somebody_elses(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table x (y)")
    connection.close()


def newer(path: Path) -> None:
    msgq.connect(f"sqlite:///{path}", profile="test").close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 999999")
    connection.close()


# SQLite needs these two beside a file in WAL mode, and leaves them there after reading it.
OF_READING = {"their.db-wal", "their.db-shm"}


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (no_database, r"their\.db: .*not a database.* give another path"),
        (a_header_alone, r"their\.db: .*not a database.* give another path"),
        (somebody_elses, r"their\.db is a SQLite file of another program.*give another path"),
        (newer, r"their\.db was written by a newer msgq .schema 999999, .*upgrade msgq here"),
    ],
)
def test_foreign_and_newer_files_are_refused_untouched(
    tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    """E7, E10: what is not ours, or not ours to understand, stays as it is."""
    path = tmp_path / "their.db"
    make(path)
    before = path.read_bytes()
    names = names_here()
    with pytest.raises(msgq.SchemaError, match=why):
        msgq.connect(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert set(names_here()) - OF_READING == set(names)


def said_in(place: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opens a client with a setting said in one of the places that there are."""
    if place == "environment":
        monkeypatch.setenv(f"MSGQ_{name.upper()}", value)
    if place.endswith(".toml"):
        head = "[tool.msgq]\n" if place == "pyproject.toml" else ""
        Path(place).write_text(f'{head}{name} = "{value}"\n')
    url = f"memory://?{name}={value}" if place == "url" else "memory://"
    settings: dict[str, Any] = {name: value} if place == "code" else {}
    msgq.connect(url, **settings)


PLACES = ["environment", "msgq.toml", "pyproject.toml", "url", "code"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("wrong", "meant"), [("leese", "lease"), ("linger_ms", "linger")])
def test_unknown_options_get_a_near_miss(
    place: str, wrong: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(msgq.ConfigError, match=f"'{wrong}' in {place}; did you mean '{meant}'"):
        said_in(place, wrong, "5s", monkeypatch)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("lease", "5 parsecs", "'250ms'"),
        ("lease", "", "'250ms'"),
        ("inflight_bytes_max", "5 fathoms", "'64MiB'"),
        ("inflight_bytes_max", "64MiBs", "'64MiB'"),
    ],
)
def test_bad_units_of_settings(
    place: str, name: str, value: str, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = rf"{name} '{re.escape(value)}' is not a .* such as {unit}.*from {place}"
    with pytest.raises(msgq.ConfigError, match=why):
        said_in(place, name, value, monkeypatch)


@pytest.mark.parametrize("bad", ["5 parsecs", "", "-3s", "1h30"])
def test_bad_units_of_durations_in_code(make_app: Callable[..., msgq.App], bad: str) -> None:
    app = make_app()
    queue = app.queue("q")
    calls: list[tuple[str, Callable[[], Any]]] = [
        ("timeout", lambda: app.handler(timeout=bad)(lambda: None)),
        ("max_wait", lambda: msgq.Batch(max_wait=bad)),
        ("base", lambda: msgq.RetryPolicy(base=bad)),
        ("cap", lambda: msgq.RetryPolicy(cap=bad)),
        ("wait", lambda: queue.claim(1, wait=bad)),
        ("lease", lambda: queue.claim(1, lease=bad)),
    ]
    for what, call in calls:
        with pytest.raises(msgq.ConfigError, match=what):
            call()
    assert app.handlers == {}
