"""`msgq check`."""

import os
from pathlib import Path

import pytest

import msgq
from msgq.cli import check
from tests.support.cli import call, ok

URL = "sqlite:///store.db"


def findings(answer: dict[str, object]) -> dict[str, dict[str, object]]:
    checks = answer["checks"]
    assert isinstance(checks, list)
    return {each["name"]: each for each in checks}


def test_all_is_well_on_a_new_store_and_nothing_is_left() -> None:
    answer = ok("check", "--url", URL, "--json").json
    found = findings(answer)
    assert list(found) == [
        "url", "sqlite library", "store file", "permissions", "disk flush", "round trip",
        "file mode", "wake",
    ]  # fmt: skip
    assert answer["ok"] is True
    assert "is not there yet" in str(found["store file"]["detail"])
    with msgq.connect(URL) as client:
        assert client.queues() == []


def test_an_existing_store_shows_its_schema_version() -> None:
    ok("enqueue", "q", "1", "--url", URL)
    found = findings(ok("check", "--url", URL, "--json").json)
    assert "schema version 2" in str(found["store file"]["detail"])
    assert "'MSGQ'" in str(found["store file"]["detail"])
    assert found["sqlite library"]["is_well"]


def test_text_has_a_line_for_each() -> None:
    lines = ok("check", "--url", URL).lines
    assert sum(line.startswith("ok") for line in lines) == 8


def test_memory_is_checked_by_a_round_trip() -> None:
    assert list(findings(ok("check", "--url", "memory://", "--json").json)) == ["url", "round trip"]


def test_a_foreign_file_is_told_and_untouched() -> None:
    Path("store.db").write_bytes(b"not a database, and longer than a header" * 10)
    before = Path("store.db").read_bytes()
    answer = call("check", "--url", URL)
    assert answer.status == 1
    assert "is no SQLite file" in answer.out
    assert Path("store.db").read_bytes() == before


def test_a_missing_folder() -> None:
    answer = call("check", "--url", "sqlite:///nowhere/store.db")
    assert answer.status == 1
    assert "mkdir -p nowhere" in answer.out


def test_a_mode_that_lets_others_read() -> None:
    ok("enqueue", "q", "1", "--url", URL)
    os.chmod("store.db", 0o644)
    answer = call("check", "--url", URL)
    assert answer.status == 1
    assert "chmod 0600" in answer.out


def test_two_sqlite_libraries_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check.library().is_well
    monkeypatch.setattr(check, "interpreter_library", lambda: "/opt/lib/libsqlite3.so.0")
    finding = check.library()
    assert not finding.is_well
    assert "Python's sqlite3 /opt/lib/libsqlite3.so.0" in finding.detail


def test_flush_seconds(tmp_path: Path) -> None:
    assert 0 < check.flush_seconds(tmp_path) < 5
    assert list(tmp_path.iterdir()) == []


def test_a_bad_url_is_wrong_use() -> None:
    assert call("check", "--url", "sqlite://host/x").status == 2


@pytest.mark.parametrize("head", [b"", b"SQLite format 3\0" + bytes(84)])
def test_headers(tmp_path: Path, head: bytes) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(head)
    assert check.header(file).is_well
